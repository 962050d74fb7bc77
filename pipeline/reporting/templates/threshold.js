"use strict";
(() => {
  const box = document.querySelector(".threshold");
  if (!box) return;
  const counts = JSON.parse(box.dataset.counts);
  const at = (id) => document.getElementById(id);
  const shown = (value) => value.toLocaleString("en-US", { maximumFractionDigits: 1 });
  const share = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)} %` : "not defined");
  const cells = (index) => {
    const hits = counts.true_positives[index], alarms = counts.false_positives[index];
    return { hits, alarms, misses: counts.positives - hits, right: counts.negatives - alarms };
  };
  const cost = (index) => {
    const { alarms, misses } = cells(index);
    return alarms * Number(at("cost-alarm").value) + misses * Number(at("cost-miss").value);
  };
  const update = () => {
    const index = Number(at("threshold").value), all = counts.positives + counts.negatives;
    const { hits, alarms, misses, right } = cells(index);
    at("threshold-value").textContent = (index / 100).toFixed(2);
    at("true-positives").textContent = shown(hits);
    at("false-positives").textContent = shown(alarms);
    at("false-negatives").textContent = shown(misses);
    at("true-negatives").textContent = shown(right);
    at("threshold-metrics").textContent =
      `Accuracy ${share(hits + right, all)}, precision ${share(hits, hits + alarms)}, recall ` +
      `${share(hits, hits + misses)}, cost ${shown((1000 * cost(index)) / all)} per 1,000 rows.`;
  };
  const cheapest = () => {
    const costs = counts.true_positives.map((_, index) => cost(index));
    at("threshold").value = costs.indexOf(Math.min(...costs));
    update();
  };
  for (const id of ["threshold", "cost-alarm", "cost-miss"]) at(id).addEventListener("input", update);
  at("cheapest").addEventListener("click", cheapest);
  update();
})();
