"""people, links and single sign-on"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.create_table(
        "reset_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_requests")),
    )
    op.create_index(
        "ix_reset_requests_address_at", "reset_requests", ["address", "at"], unique=False
    )
    op.create_index("ix_reset_requests_name_at", "reset_requests", ["name", "at"], unique=False)
    op.create_table(
        "password_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"], ["people.name"], name=op.f("fk_password_links_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_links")),
    )
    op.create_index("ix_password_links_person", "password_links", ["person"], unique=False)
    op.create_table(
        "sign_on_subjects",
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person"], ["people.name"], name=op.f("fk_sign_on_subjects_person"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_sign_on_subjects")),
    )
    op.create_index("ix_sign_on_subjects_person", "sign_on_subjects", ["person"], unique=False)
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"], unique=False)
    op.create_index("ix_audit_entries_on_id", "audit_entries", ["on", "id"], unique=False)
    op.create_index("ix_audit_entries_who_id", "audit_entries", ["who", "id"], unique=False)
    # signed-in browsers stay signed in: what was not written down before is made, or empty
    op.add_column(
        "browser_sessions",
        sa.Column("id", sa.Uuid(), server_default=sa.func.gen_random_uuid(), nullable=False),
    )
    for name in ("address", "agent"):
        op.add_column(
            "browser_sessions", sa.Column(name, sa.String(), server_default="", nullable=False)
        )
    for name in ("id", "address", "agent"):
        op.alter_column("browser_sessions", name, server_default=None)
    op.create_index("ix_browser_sessions_person", "browser_sessions", ["person"], unique=False)
    op.create_unique_constraint(op.f("uq_browser_sessions_id"), "browser_sessions", ["id"])
    op.add_column("people", sa.Column("mail", sa.String(), nullable=True))
    op.create_unique_constraint(op.f("uq_people_mail"), "people", ["mail"])
    op.add_column("tokens", sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '10s'")
    op.drop_column("tokens", "last_used_at")
    op.drop_constraint(op.f("uq_people_mail"), "people", type_="unique")
    op.drop_column("people", "mail")
    op.drop_constraint(op.f("uq_browser_sessions_id"), "browser_sessions", type_="unique")
    op.drop_index("ix_browser_sessions_person", table_name="browser_sessions")
    op.drop_column("browser_sessions", "agent")
    op.drop_column("browser_sessions", "address")
    op.drop_column("browser_sessions", "id")
    op.drop_index("ix_audit_entries_who_id", table_name="audit_entries")
    op.drop_index("ix_audit_entries_on_id", table_name="audit_entries")
    op.drop_index("ix_audit_entries_at", table_name="audit_entries")
    op.drop_index("ix_sign_on_subjects_person", table_name="sign_on_subjects")
    op.drop_table("sign_on_subjects")
    op.drop_index("ix_password_links_person", table_name="password_links")
    op.drop_table("password_links")
    op.drop_index("ix_reset_requests_name_at", table_name="reset_requests")
    op.drop_index("ix_reset_requests_address_at", table_name="reset_requests")
    op.drop_table("reset_requests")
