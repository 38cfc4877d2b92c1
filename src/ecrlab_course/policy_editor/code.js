// Line numbers, brackets, indentation and the jump to a problem, for the editor's text field. The field itself is
// ipywidgets' own, and is all there is where a page forbids scripts. `this` is the editor's style element.
(function (style) {
  var editor = style.closest('.ecr-editor');
  if (!editor || editor.dataset.ecrCode) { return; }
  editor.dataset.ecrCode = 'true';
  var CLOSING = { '{': '}', '[': ']', '"': '"' };
  var LONGEST = 131072;  // above it IAM takes no text, and lines are not drawn

  function begin() {
    var area = editor.querySelector('.ecr-text textarea'), said = editor.querySelector('.ecr-text .widget-html');
    if (!area || !said) { setTimeout(begin, 100); return; }
    var code = document.createElement('div'), lines = document.createElement('div');
    code.className = 'ecr-code';
    lines.className = 'ecr-lines';
    lines.setAttribute('aria-hidden', 'true');
    area.parentNode.insertBefore(code, area);
    code.append(lines, area);
    editor.classList.add('ecr-coded');

    // The bracket that belongs to the one at a place; -1 when there is none. What stands in quotes is text.
    function partner(text, place) {
      var open = [], quoted = false;
      for (var at = 0; at < text.length; at++) {
        var sign = text[at];
        if (quoted) {
          if (sign === '\\') { at++; } else if (sign === '"') { quoted = false; }
        } else if (sign === '"') {
          quoted = true;
        } else if (sign === '{' || sign === '[') {
          open.push(at);
        } else if (sign === '}' || sign === ']') {
          var from = open.pop();
          if (from === undefined) { return -1; }
          if (from === place || at === place) { return CLOSING[text[from]] === sign ? from + at - place : -1; }
        }
      }
      return -1;
    }

    function place(line, column) {
      var at = 0, text = area.value;
      for (; line > 1; line--) { at = text.indexOf('\n', at) + 1; }
      return at + column - 1;
    }

    function marks() {
      var text = area.value, caret = area.selectionStart, found = [];
      var jump = said.querySelector('.ecr-jump');
      if (jump) {
        var from = place(+jump.dataset.line, +jump.dataset.column);
        found.push([from, from + Math.max(+jump.dataset.length, 1), 'ecr-wrong']);
      }
      if (document.activeElement === area && caret === area.selectionEnd) {
        [caret - 1, caret].some(function (at) {
          var other = '{}[]'.includes(text[at] || ' ') ? partner(text, at) : -1;
          if (other >= 0) { found.push([at, at + 1, 'ecr-pair'], [other, other + 1, 'ecr-pair']); }
          return other >= 0;
        });
      }
      return found.sort(function (a, b) { return a[0] - b[0]; });
    }

    function paint() {
      var text = area.value, at = 0, drawn = document.createDocumentFragment();
      code.classList.toggle('ecr-long', text.length > LONGEST);
      if (text.length <= LONGEST) {
        var found = marks();
        text.split('\n').forEach(function (line) {
          var row = document.createElement('div'), done = at, end = at + line.length;
          found.forEach(function (mark) {
            if (mark[0] < done || mark[0] >= end) { return; }
            var word = document.createElement('span'), until = Math.min(mark[1], end);
            word.className = mark[2];
            word.textContent = text.slice(mark[0], until);
            row.append(text.slice(done, mark[0]), word);
            done = until;
          });
          row.append(text.slice(done, end) || (done === at ? '\u200b' : ''));
          drawn.append(row);
          at = end + 1;
        });
      }
      lines.replaceChildren(drawn);
      follow();
    }

    function follow() {
      lines.style.width = area.clientWidth + 2 + 'px';
      lines.scrollTop = area.scrollTop;
    }

    function put(text) {  // as typed, so that undo takes it back
      if (!document.execCommand('insertText', false, text)) {
        area.setRangeText(text, area.selectionStart, area.selectionEnd, 'end');
        area.dispatchEvent(new Event('input', { bubbles: true }));
      }
    }

    function move(by) { area.setSelectionRange(area.selectionStart + by, area.selectionStart + by); }

    function pressed(event) {
      if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) { return; }
      var text = area.value, from = area.selectionStart, to = area.selectionEnd, key = event.key;
      var begins = text.lastIndexOf('\n', from - 1) + 1, before = text.slice(begins, from), next = text[to] || '';
      var indent = before.match(/^ */)[0], quoted = (before.match(/(?:[^"\\]|\\.)*"/g) || []).length % 2 === 1;
      if (key === 'Tab' && text.slice(from, to).includes('\n')) {  // without a selection over lines, Tab leaves
        var block = text.slice(begins, to);
        area.setSelectionRange(begins, to);
        put(event.shiftKey ? block.replace(/^ {1,2}/gm, '') : block.replace(/^(?=.)/gm, '  '));
        area.setSelectionRange(begins, area.selectionEnd);
      } else if (key === 'Enter' && !event.shiftKey) {
        var opens = /[{[]\s*$/.test(before), closes = opens && /^[}\]]/.test(next);
        put('\n' + indent + (opens ? '  ' : '') + (closes ? '\n' + indent : ''));
        if (closes) { move(-indent.length - 1); }
      } else if (from === to && !quoted && (key === '}' || key === ']') && next === key) {
        move(1);
      } else if (from === to && !quoted && (key === '}' || key === ']') && /^ {2,}$/.test(before)) {
        area.setSelectionRange(from - 2, from);
        put(key);
      } else if (from === to && key === '"' && quoted && next === '"') {
        move(1);
      } else if (from === to && !quoted && CLOSING[key] && /^[\s,}\]]?$/.test(next)) {
        put(key + CLOSING[key]);
        move(-1);
      } else if (from === to && key === 'Backspace' && from && CLOSING[text[from - 1]] === next && next) {
        area.setSelectionRange(from - 1, from + 1);
        put('');
        if (area.value === text) { document.execCommand('delete'); }
      } else {
        return;
      }
      event.preventDefault();
    }

    // ipywidgets sets the value without an event when Python changes the text.
    var value = Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value');
    Object.defineProperty(area, 'value', {
      configurable: true,
      get: function () { return value.get.call(area); },
      set: function (text) { value.set.call(area, text); paint(); }
    });
    area.addEventListener('keydown', pressed);
    area.addEventListener('input', paint);
    area.addEventListener('scroll', follow);
    area.addEventListener('blur', paint);
    ['keyup', 'click', 'focus'].forEach(function (name) { area.addEventListener(name, paint); });
    new ResizeObserver(follow).observe(area);
    new MutationObserver(paint).observe(said, { childList: true, subtree: true });
    editor.addEventListener('click', function (event) {
      var jump = event.target.closest('.ecr-jump');
      if (!jump) { return; }
      var from = place(+jump.dataset.line, +jump.dataset.column), row = lines.children[+jump.dataset.line - 1];
      area.focus();
      area.setSelectionRange(from, from + +jump.dataset.length);
      if (row) { area.scrollTop = row.offsetTop - area.clientHeight / 3; }
      paint();
    });
    paint();
  }
  begin();
})(this);
