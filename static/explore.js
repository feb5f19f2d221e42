// The chart of the metrics explorer; without it the table below tells the same.
(() => {
  const place = document.getElementById("chart");
  const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const rows = [...document.querySelectorAll("[data-line]")];

  const inks = (lines) => { // the time before has the colour of its series
    const names = [...new Set(lines.map((line) => line.name))];
    return lines.map((line) => style(`--h${names.indexOf(line.name) % 8}`));
  };

  const series = (line, ink) => ({
    label: line.name,
    stroke: ink,
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

  function room(limits) { // the scale reaches every limit, and a little further
    return (_, least, most) => {
      const known = [least, most, ...limits.map((each) => each.value)].filter((each) => each != null);
      if (!known.length) return [0, 1];
      const [low, high] = [Math.min(...known), Math.max(...known)];
      const space = (high - low || Math.abs(high) || 1) * 0.08;
      return [low >= 0 && low < high * 0.5 ? 0 : low - space, high + space];
    };
  }

  function limitsOf(limits) { // dashed lines above the chart, the greatest first; near ones' words side by side
    const marks = limits.toSorted((a, b) => b.value - a.value).map((limit) => {
      const mark = Object.assign(document.createElement("div"), { className: `plot-limit ${limit.tone.toUpperCase()}` });
      mark.append(Object.assign(document.createElement("span"), { textContent: limit.label }));
      return [limit.value, mark];
    });
    const put = (plot) => {
      let [above, aside] = [-Infinity, 0];
      for (const [value, mark] of marks) {
        const y = plot.valToPos(value, "y");
        aside = y - above < 15 ? aside : 0;
        above = y;
        mark.style.top = `${y}px`;
        mark.firstChild.style.marginLeft = `${aside}px`;
        aside += mark.firstChild.offsetWidth + 12;
      }
    };
    return { ready: [(plot) => { plot.over.append(...marks.map(([, mark]) => mark)); put(plot); }], draw: [put] };
  }

  const plain = (value) => value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: 2 });
  const axis = () => ({ stroke: style("--muted"), grid: { stroke: style("--line") }, ticks: { stroke: style("--line") } });

  let plot;
  const size = () => ({ width: place.clientWidth - 16, height: Math.min(340, Math.max(220, innerHeight * 0.4)) });

  function draw(data) {
    plot?.destroy();
    place.replaceChildren();
    place.hidden = !data.lines.length; // before it is measured
    if (place.hidden) return;
    const ink = inks(data.lines);
    plot = new uPlot(
      {
        ...size(),
        tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), place.dataset.zone),
        legend: { show: false },
        cursor: { drag: { setScale: false, x: true }, focus: { prox: 24 } },
        scales: { y: { range: room(data.limits) } },
        axes: [{ ...axis(), values: (_, seconds) => seconds.map(moment(seconds)) }, { ...axis(), size: 64, values: (_, all) => all.map(plain) }],
        series: [{}, ...data.lines.map((line, number) => series(line, ink[number]))],
        hooks: { setSelect: [zoom], setCursor: [tell], ...limitsOf(data.limits) },
      },
      [data.times, ...data.lines.map((line) => line.values)],
      place,
    );
    rows.forEach((row, number) => row.style.setProperty("--line-ink", ink[number]));
  }

  function begin(data) {
    draw(data);
    addEventListener("resize", () => plot?.setSize(size()));
    new MutationObserver(() => draw(data)).observe(document.documentElement, { attributeFilter: ["data-theme"] });
    for (const each of ["(prefers-color-scheme: dark)", "print"])
      matchMedia(each).addEventListener("change", () => draw(data));
    rows.forEach((row, number) => {
      row.addEventListener("mouseenter", () => plot?.setSeries(number + 1, { focus: true }));
      row.addEventListener("mouseleave", () => plot?.setSeries(null, { focus: false }));
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
    fetch(place.dataset.source).then((answer) => (answer.ok ? answer.json().then(begin) : null));
})();
