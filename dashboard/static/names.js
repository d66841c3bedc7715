// Names for controls that the component library leaves without one: screen readers and voice control need them.
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
const known = new WeakSet()
const follow = (root) => {
  if (known.has(root)) return
  known.add(root)
  observer.observe(root, { childList: true, subtree: true })
  name(root)
  look(root)
}
const look = (place) => {
  if (place.shadowRoot) follow(place.shadowRoot)
  for (const element of place.querySelectorAll?.("*") ?? []) if (element.shadowRoot) follow(element.shadowRoot)
}
const observer = new MutationObserver((changes) => {
  new Set(changes.map((one) => one.target.getRootNode())).forEach(name)
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
