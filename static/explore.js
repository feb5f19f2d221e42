// The chart of the metrics explorer; without it the table below tells the same.
(() => {
  const place = document.getElementById("chart");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rows = [...document.querySelectorAll("[data-line]")];

  const series = (line, number) => ({
    label: line.name,
    stroke: style(`--h${number % 8}`),
    width: 1.5,
    dash: line.before ? [6, 4] : undefined,
    points: { show: false },
    spanGaps: false,
  });

  function zoom(plot) {
    const [left, width] = [plot.select.left, plot.select.width];
    if (width < 8) return;
    const at = (x) => Math.round(plot.posToVal(x, "x") * 1000);
    const address = new URL(location.href);
    address.searchParams.set("since", at(left));
    address.searchParams.set("until", at(left + width));
    location.assign(address); // the browser's own way back leads out again
  }

  function tell(plot) {
    const at = plot.cursor.idx;
    rows.forEach((row, number) => {
      const cell = row.querySelector(".at");
      const value = at == null ? null : plot.data[number + 1]?.[at];
      cell.textContent = value == null ? cell.dataset.last : plain(value);
    });
  }

  const plain = (value) => value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });
  const axis = () => ({ stroke: style("--muted"), grid: { stroke: style("--line") }, ticks: { stroke: style("--line") } });

  function draw(data) {
    place.replaceChildren();
    if (!data.lines.length) return;
    const size = () => ({ width: place.clientWidth, height: Math.min(340, Math.max(220, innerHeight * 0.4)) });
    const plot = new uPlot(
      {
        ...size(),
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), place.dataset.zone),
        legend: { show: false },
        cursor: { drag: { setScale: false, x: true }, focus: { prox: 24 } },
        axes: [{ ...axis(), values: (_, seconds) => seconds.map(moment(seconds)) }, { ...axis(), size: 64, values: (_, all) => all.map(plain) }],
        series: [{}, ...data.lines.map(series)],
        hooks: { setSelect: [zoom], setCursor: [tell] },
      },
      [data.times, ...data.lines.map((line) => line.values)],
      place,
    );
    addEventListener("resize", () => plot.setSize(size()));
    rows.forEach((row, number) => {
      row.style.setProperty("--line-ink", style(`--h${number % 8}`));
      for (const [name, on] of [["mouseenter", true], ["focusin", true], ["mouseleave", false], ["focusout", false]])
        row.addEventListener(name, () => plot.setSeries(on ? number + 1 : null, { focus: on }));
    });
  }

  function moment(seconds) {
    const long = seconds.length > 1 && seconds.at(-1) - seconds[0] > 2 * 86400;
    const clock = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const form = { timeZone: place.dataset.zone, ...(long ? { month: "2-digit", day: "2-digit" } : clock) };
    const words = new Intl.DateTimeFormat(document.documentElement.lang, form);
    return (each) => words.format(new Date(each * 1000));
  }

  async function complete(event) {
    const field = event.target;
    if (!field.matches("[list=names]")) return;
    const answer = await fetch(`/explore/names?text=${encodeURIComponent(field.value)}`);
    if (!answer.ok) return;
    const options = (await answer.json()).map((name) => Object.assign(document.createElement("option"), { value: name }));
    document.getElementById("names").replaceChildren(...options);
  }

  let waiting;
  document.addEventListener("input", (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(complete, 150, event);
  });
  if (place?.dataset.source)
    fetch(place.dataset.source).then((answer) => (answer.ok ? answer.json().then(draw) : null));
})();
