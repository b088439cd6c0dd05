// Shows, for each attribute of the object form, the limits that its type allows. Without it, all of them are shown.

function fit(attribute) {
  const type = attribute.querySelector("select[name$='-type']").value;
  for (const field of attribute.querySelectorAll("[data-types]")) {
    const input = field.querySelector("input, select, textarea");
    const isFilled = input.type === "checkbox" ? input.checked : input.value !== "";
    const isFitting = field.dataset.types.split(" ").includes(type);
    field.hidden = !(isFitting || isFilled || field.querySelector(".errors"));
  }
}

for (const attribute of document.querySelectorAll("[data-attribute]")) {
  attribute.addEventListener("change", () => fit(attribute));
  fit(attribute);
}
