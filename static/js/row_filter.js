// Offers, in the filter of a table's rows, the conditions that the chosen attribute takes. Without it, all are offered.

const form = document.querySelector("[data-row-filter]");
const [attribute, operator, value] = ["attribute", "operator", "value"].map((name) => form.elements[`filter_${name}`]);

function fit() {
  const taken = attribute.selectedOptions[0].dataset.operators.split(" ");
  for (const option of operator.options) {
    option.hidden = option.disabled = !taken.includes(option.value);
  }
  if (operator.selectedOptions[0].disabled) {
    operator.value = taken[0];
  }
  value.closest("label").hidden = ["is_null", "is_not_null"].includes(operator.value);
}

if (attribute.options.length) {
  form.addEventListener("change", fit);
  fit();
}
