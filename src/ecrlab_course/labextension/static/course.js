/* The course in JupyterLab. Two buttons: one wakes the cards of a page after its kernel has ended, one opens a terminal at
   the right. Cells that begin with %%bash are coloured as bash. A federated extension as JupyterLab loads it, written by hand: nothing is built, nothing is fetched.
   `ecrlab_course start` puts the words in, from content/messages.toml. */
(function () {
  const WORDS = __WORDS__;
  const FIRST = /^%load_ext ecrlab_course\s*$/m;
  const BASH = 'text/x-sh', PYTHON = 'text/x-ipython';
  const SHOWS = /^\s*lab\.(?:(?:exercise|guess|start_here|offer_reset|postmortem)\(.*\)|map\(\)|check\(\))\s*$/;
  const DESK = /^\s*lab\.(?:desk|incident)\(.*\)\s*$/;
  /* Pixels of a window in which a page, a terminal and the headings fit beside each other. */
  const WIDE = 1300;
  let shared;

  /* What JupyterLab itself loaded under this name. */
  async function module(name) {
    const versions = shared[name];
    const factory = await versions[Object.keys(versions)[0]].get();
    return factory();
  }

  function onlyShows(text) {
    const lines = text.split('\n').filter(line => line.trim());
    return lines.length > 0 && lines.every(line => SHOWS.test(line));
  }

  /* The lesson's folder beside its notebook, "" when there is none: 04-first-push-2.ipynb has 04-first-push. */
  async function folderOf(contents, path) {
    const name = path.replace(/\.ipynb$/, '');
    const above = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const beside = (await contents.get(above)).content.filter(item => item.type === 'directory').map(item => item.path);
    return [name, name.replace(/-\d$/, '')].find(folder => beside.includes(folder)) || above;
  }

  /* Whether a cell of the desk shows what is on the desk now. Any other would deal, and end what is open. */
  async function isOnDesk(kernel, text) {
    const asked = { code: '', silent: true, store_history: false };
    asked.user_expressions = { on: `lab.on_desk(${JSON.stringify(text.trim())})` };
    const reply = await kernel.requestExecute(asked).done;
    const found = reply.content.user_expressions && reply.content.user_expressions.on;
    return Boolean(found && found.data && found.data['text/plain'] === 'True');
  }

  /* Wait until the page's kernel is up: right after a restart, what is sent to it is lost. */
  async function kernelAnswers(context) {
    await context.ready;
    for (let tries = 0; tries < 120; tries++) {
      const kernel = context.session && context.session.kernel;
      if (kernel && kernel.connectionStatus === 'connected' && kernel.status === 'idle') { return; }
      await new Promise(resolve => setTimeout(resolve, 250));
    }
  }

  async function plugin() {
    const names = ['@jupyterlab/notebook', '@jupyterlab/ui-components', '@jupyterlab/codemirror'];
    const [notebook, components, codemirror] = await Promise.all(names.map(module));

    async function wake(panel) {
      const cells = panel.content.widgets.filter(cell => cell.model.type === 'code');
      const text = cell => cell.model.sharedModel.getSource();
      const first = cells.find(cell => FIRST.test(text(cell)));
      const cards = cells.filter(cell => cell !== first && onlyShows(text(cell)));
      const shown = cards.filter(cell => cell.model.outputs.length > 0);
      const page = panel.content.outerNode || panel.content.node;
      const place = [panel.content.activeCellIndex, page.scrollTop];
      await kernelAnswers(panel.sessionContext);
      const wanted = new Set(shown.length > 0 ? shown : cards);
      if (first) { await notebook.NotebookActions.runCells(panel.content, [first], panel.sessionContext); }
      for (const cell of cells.filter(each => DESK.test(text(each)) && each.model.outputs.length > 0)) {
        if (await isOnDesk(panel.sessionContext.session.kernel, text(cell))) { wanted.add(cell); }
      }
      const rest = cells.filter(cell => wanted.has(cell));
      if (rest.length > 0) { await notebook.NotebookActions.runCells(panel.content, rest, panel.sessionContext); }
      panel.content.activeCellIndex = place[0];
      setTimeout(() => { page.scrollTop = place[1]; }, 300);
    }

    const terminals = new WeakMap();

    async function terminal(app, panel) {
      const before = terminals.get(panel);
      if (before && !before.isDisposed) { app.shell.activateById(before.id); return; }
      const cwd = await folderOf(app.serviceManager.contents, panel.context.path);
      const made = await app.commands.execute('terminal:create-new', { cwd });
      if (window.innerWidth < WIDE) { app.shell.collapseRight(); }
      app.shell.add(made, 'main', { mode: 'split-right', ref: panel.id });
      app.shell.activateById(made.id);
      terminals.set(panel, made);
    }

    /* The notebook says of every cell that it is Python, whenever it learns of its kernel: so this listens. An editor
       loads a language when it is first used, and the one that is loaded last wins: so all of them are loaded before. */
    async function colour(panel, languages) {
      await panel.context.ready;
      await Promise.all([BASH, 'text/x-python', PYTHON].map(type => languages.getLanguage(type)));
      await new Promise(then => setTimeout(then, 0));
      const known = new WeakSet();
      const one = model => {
        const bash = model.type === 'code' && /^%%bash\b/.test(model.sharedModel.getSource());
        const coloured = model.mimeType === BASH;
        if (bash !== coloured) { model.mimeType = bash ? BASH : panel.content.codeMimetype || PYTHON; }
      };
      const all = () => {
        for (const model of panel.content.model.cells) {
          if (!known.has(model)) {
            known.add(model);
            model.mimeTypeChanged.connect(one);
            model.contentChanged.connect(one);
          }
          one(model);
        }
      };
      panel.content.model.cells.changed.connect(all);
      all();
    }

    return {
      id: '@ecrlab/course:plugin',
      autoStart: true,
      requires: [notebook.INotebookTracker, codemirror.IEditorLanguageRegistry],
      activate: (app, tracker, languages) => {
        const acts = { wake: wake, terminal: panel => terminal(app, panel) };
        for (const name of Object.keys(acts)) {
          app.commands.addCommand('ecrlab:' + name, {
            label: WORDS[name],
            caption: WORDS[name + '_does'],
            isEnabled: () => tracker.currentWidget !== null,
            execute: () => acts[name](tracker.currentWidget)
          });
        }
        app.docRegistry.addWidgetExtension('Notebook', {
          createNew: panel => {
            colour(panel, languages);
            const button = new components.ToolbarButton({
              label: WORDS.wake, tooltip: WORDS.wake_does, onClick: () => wake(panel)
            });
            panel.toolbar.insertItem(6, 'ecrlab-wake', button);
          }
        });
      }
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['@ecrlab/course'] = {
    init: scope => { shared = scope; },
    get: async () => {
      const made = await plugin();
      return () => ({ __esModule: true, default: made });
    }
  };
})();
