//! How long work shows itself: a bar on a terminal, a line a phase elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

use crate::campaign::Progress;
use crate::report::Finding;

/// A bar on a terminal, a line a phase elsewhere.
pub(super) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(super) fn new() -> Bar {
        let bar = ProgressBar::no_length();
        if let Ok(style) =
            ProgressStyle::with_template("{prefix:>12} [{bar:40}] {pos}/{len} {msg}  {elapsed}")
        {
            bar.set_style(style.progress_chars("=> "));
        }
        Bar { bar }
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            anstream::eprintln!("{line}");
        } else {
            self.bar.println(line);
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Progress for Bar {
    fn phase(&mut self, name: &str, cases: usize) {
        self.bar.set_prefix(name.to_owned());
        self.bar.set_length(cases as u64);
        self.bar.set_position(0);
        if self.bar.is_hidden() {
            self.say(&format!("{name}: {cases} cases"));
        }
    }

    fn case(&mut self, findings: usize) {
        self.bar.inc(1);
        self.bar.set_message(format!("{findings} findings"));
    }

    fn found(&mut self, finding: &Finding) {
        match &finding.known {
            Some(name) => self.say(&format!(
                "met {}, which is known: {name}: {}",
                finding.id, finding.message
            )),
            None => self.say(&format!("found {}: {}", finding.id, finding.message)),
        }
    }
}
