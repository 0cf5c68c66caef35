"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const headers = [...table.tHead.rows[0].cells];
  headers.forEach((header, column) => header.firstChild.addEventListener("click", () => {
    const down = header.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    headers.forEach((each) => each.removeAttribute("aria-sort"));
    header.setAttribute("aria-sort", down === 1 ? "ascending" : "descending");
    const key = (row) => {
      const cell = row.cells[column];
      return cell.dataset.by === undefined ? cell.textContent : Number(cell.dataset.by);
    };
    const order = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
    const body = table.tBodies[0];
    body.append(...[...body.rows].sort((a, b) => down * order(key(a), key(b))));
  }));
}
