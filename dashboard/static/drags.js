// Bokeh takes a button that has been down for 0.3 s for a press, and then ignores the drag that follows: whoever
// presses, looks and then drags would brush in vain, and so would anybody whose browser is busy for a moment.
export function render() {
  Bokeh.require("core/ui_gestures").UIGestures.press_threshold = 2 ** 30 // ms
  return document.createElement("span")
}
