"""Ways out, one file each; `app.wiring` names them by the word that a contact uses."""
