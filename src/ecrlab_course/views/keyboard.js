// What ipywidgets cannot set from Python, run when a card comes onto the page; where a page forbids scripts, Tab and
// the space bar still work. `this` is the card's style element, NAME the card's own name.
(function (style) {
  var card = style.closest('.ecr-exercise');
  if (!card) { return; }
  // Escape goes back to the page: to the cell, where the arrow keys move between cells again. Enter answers, also with
  // a text that was not left yet. Both come here before ipywidgets, which lets no key out of a text field.
  function pressed(event) {
    var control = event.target, cell = card.closest('.jp-Cell');
    if (event.key === 'Escape' && cell) {
      event.preventDefault(); event.stopPropagation();
      cell.focus();
      return;
    }
    if (event.key !== 'Enter' || event.isComposing || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) {
      return;
    }
    if (!control.matches('select, input')) { return; }
    var answer = Array.from(card.querySelectorAll('.ecr-buttons button')).find(function (button) {
      return control.compareDocumentPosition(button) & 4 && button.offsetParent && !button.disabled;
    });
    if (!answer) { return; }
    // The button that answers need not be the first of its row: a ticket's command can be run before it is judged.
    var primary = answer.closest('.ecr-buttons').querySelector('button.ecr-primary');
    if (primary && primary.offsetParent && !primary.disabled) { answer = primary; }
    event.preventDefault(); event.stopPropagation();
    control.dispatchEvent(new Event('change', { bubbles: true }));
    answer.click();
  }
  if (!card.dataset.ecrKeys) {
    card.dataset.ecrKeys = 'true';
    card.addEventListener('keydown', pressed, true);
    // JupyterLab takes Enter and the arrow keys for itself unless what has the focus carries this attribute.
    card.addEventListener('focusin', function (event) {
      event.target.setAttribute('data-lm-suppress-shortcuts', 'true');
    });
  }

  // The parts come one by one, so this is done three times.
  function wire() {
    // A typed text goes to the kernel when the field is left, or half a second after the last key: sent key by key, its
    // end would wait in the browser while the kernel is busy, and a click right behind it would be acted on first.
    card.querySelectorAll('textarea, input[type=text]').forEach(function (field) {
      if (field.dataset.ecrKept || field.closest('.ecr-editor')) { return; }
      field.dataset.ecrKept = 'true';
      var timer;
      field.addEventListener('input', function () {
        clearTimeout(timer);
        timer = setTimeout(function () { field.dispatchEvent(new Event('change', { bubbles: true })); }, 500);
      });
    });
    // Radio buttons without a common name are not a group: arrows would not move between them.
    card.querySelectorAll('.widget-radio').forEach(function (group, number) {
      var label = group.querySelector('.widget-label');
      group.setAttribute('role', 'radiogroup');
      if (label) { group.setAttribute('aria-label', label.textContent); label.removeAttribute('title'); }
      group.querySelectorAll('input').forEach(function (radio) { radio.name = 'NAME-' + number; });
    });
    // A card with several tickets has each button several times: the ticket's name tells them apart.
    card.querySelectorAll('.ecr-ticket').forEach(function (ticket) {
      var head = ticket.querySelector('.ecr-head b');
      ticket.setAttribute('role', 'group');
      if (head) { ticket.setAttribute('aria-label', head.textContent); }
    });
  }
  wire(); setTimeout(wire, 200); setTimeout(wire, 1500);
})(this);
