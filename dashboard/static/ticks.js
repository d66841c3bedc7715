// A table in which one row is x_0 (a radio button) and any others stand beside it (checkboxes).
export function render({ model, el }) {
  const table = document.createElement("table")
  table.dataset.testid = "ticks"
  const make = (tag, parent, text = "", name = "") => {
    const made = document.createElement(tag)
    made.textContent = text
    if (name) made.className = name
    parent.append(made)
    return made
  }
  const input = (type, cell, label, act) => {
    const made = make("input", cell)
    made.type = type
    made.name = type === "radio" ? "first" : ""
    made.setAttribute("aria-label", label)
    made.addEventListener("change", () => act(made.checked))
    return made
  }
  const tick = (k, is_on) => {
    const others = model.ticked.filter((one) => one !== k)
    model.ticked = (is_on ? [...others, k] : others).sort((one, other) => one - other)
  }
  let inputs = []
  const fill = () => {
    table.replaceChildren()
    const head = make("tr", make("thead", table))
    for (const name of model.heads) make("th", head, name).scope = "col"
    const body = make("tbody", table)
    inputs = model.rows.map((row, k) => {
      const line = make("tr", body)
      const first = input("radio", make("td", line), `${row.name} as x0`, () => { model.first = k })
      const beside = input("checkbox", make("td", line), `${row.name} beside x0`, (is_on) => tick(k, is_on))
      make("td", line, row.name)
      const label = make("td", line)
      if (row.label) make("i", label, "", `dot several${row.colour}`).setAttribute("aria-hidden", "true")
      make("span", label, row.label)
      make("td", line, row.note, "number quiet")
      return [first, beside]
    })
    mark()
  }
  const mark = () => {
    inputs.forEach(([first, beside], k) => {
      first.checked = k === model.first
      beside.checked = model.is_several && k !== model.first && model.ticked.includes(k)
      beside.disabled = k === model.first || !model.is_several
    })
  }
  model.on("rows", fill)
  for (const name of ["first", "ticked", "is_several"]) model.on(name, mark)
  fill()
  const place = document.createElement("div")
  place.className = "scroll"
  place.append(table)
  return place
}
