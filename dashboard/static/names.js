// Names for controls that the component library leaves without one: screen readers and voice control need them.
// And ticks that outlive the list they are in.
// Every component lives in a shadow root of its own, so each root is looked at when it is made or changed.
const name = (root) => {
  const words = root.querySelector("label")?.textContent.replace(/:\s*$/, "")
  for (const input of root.querySelectorAll("input[type=text]:not([aria-label])")) {
    if (words && input.labels.length === 0) input.setAttribute("aria-label", words)
  }
  for (const button of root.querySelectorAll(".MuiInputAdornment-root > button:not([aria-label])")) {
    const isBefore = button.parentElement.matches(".MuiInputAdornment-positionStart")
    button.setAttribute("aria-label", `${words}: ${isBefore ? "one less" : "one more"}`)
  }
  // A tooltip becomes the name of its button; what is written on it has to be part of that.
  for (const button of root.querySelectorAll("button[aria-label]")) {
    const written = button.textContent.trim()
    if (!button.ariaLabel.includes(written)) button.setAttribute("aria-label", `${written}: ${button.ariaLabel}`)
  }
}
// The list of runs is written anew when a run ends or is judged; what was ticked in it stays ticked.
const TICKS = "input[type=checkbox][name=runs]"
const ticked = new Set()
const remember = ({ target }) => {
  if (target.matches?.(TICKS)) target.checked ? ticked.add(target.value) : ticked.delete(target.value)
}
const restore = (root) => {
  for (const box of root.querySelectorAll(TICKS)) if (ticked.has(box.value)) box.checked = true
}
const known = new WeakSet()
const follow = (root) => {
  if (known.has(root)) return
  known.add(root)
  observer.observe(root, { childList: true, subtree: true })
  root.addEventListener("change", remember)
  name(root)
  look(root)
}
const look = (place) => {
  if (place.shadowRoot) follow(place.shadowRoot)
  for (const element of place.querySelectorAll?.("*") ?? []) if (element.shadowRoot) follow(element.shadowRoot)
}
const observer = new MutationObserver((changes) => {
  for (const root of new Set(changes.map((one) => one.target.getRootNode()))) {
    name(root)
    restore(root)
  }
  for (const change of changes) change.addedNodes.forEach(look)
})
const attach = Element.prototype.attachShadow
Element.prototype.attachShadow = function (options) {
  const root = attach.call(this, options)
  follow(root)
  return root
}
follow(document)

export function render() {
  return document.createElement("span")
}
