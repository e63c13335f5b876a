//! The notes of a case: lines that its process writes while it plays, and what they say together.

use std::collections::BTreeSet;

use mock_ucx::ledger::read::Module;
use mock_ucx::stack::modules;
use serde::{Deserialize, Serialize};

use crate::execute::case::{Died, Growth, Note, NoteOutcome};

/// A line of the notes file. They are written one by one, so that a crash loses none.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// An operation begins.
    Begin {
        /// Its number.
        operation: u32,
        /// Its text.
        line: String,
        /// Whether it belongs to the teardown.
        teardown: bool,
    },
    /// It ended.
    End {
        /// Its number.
        operation: u32,
        /// What came of it.
        outcome: NoteOutcome,
        /// What it answered besides its status.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        answers: Vec<String>,
        /// What of that is not the same everywhere.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        measured: Vec<String>,
    },
    /// What was live after some rounds.
    Growth(Growth),
    /// The process dies here.
    Died {
        /// See [`Died::modules`].
        modules: Vec<NotedModule>,
        /// See [`Died::stack`].
        stack: Vec<u64>,
    },
    /// The handles that were found in the client's memory.
    Held {
        /// Serials.
        serials: BTreeSet<u64>,
    },
}

/// A module as it is written down.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NotedModule {
    path: String,
    bias: u64,
    start: u64,
    end: u64,
    build_id: Vec<u8>,
}

impl From<&modules::Module> for NotedModule {
    fn from(module: &modules::Module) -> NotedModule {
        NotedModule {
            path: module.path.to_string_lossy().into_owned(),
            bias: module.bias,
            start: module.range.start,
            end: module.range.end,
            build_id: module.build_id.clone(),
        }
    }
}

impl From<NotedModule> for Module {
    fn from(noted: NotedModule) -> Module {
        Module {
            path: noted.path,
            bias: noted.bias,
            start: noted.start,
            end: noted.end,
            build_id: noted.build_id,
        }
    }
}

/// What a notes file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Noted {
    /// What was noted of each operation. Of one that was played in several rounds, it is that of the last.
    pub notes: Vec<Note>,
    /// See [`Played::held`](crate::execute::case::Played::held).
    pub held: Option<BTreeSet<u64>>,
    /// See [`Played::growth`](crate::execute::case::Played::growth).
    pub growth: Option<Growth>,
    /// See [`Played::died`](crate::execute::case::Played::died).
    pub died: Option<Died>,
}

/// Puts the lines of a notes file together.
pub(crate) fn assemble(text: &str) -> Noted {
    let mut noted = Noted::default();
    let notes = &mut noted.notes;
    // Operations are numbered from 1 in each round.
    let place = |notes: &[Note], operation: u32| {
        let at = (operation as usize).checked_sub(1)?;
        (at < notes.len()).then_some(at)
    };
    // The last line of a process that was killed may be cut off: it is passed over.
    for line in text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
    {
        match line {
            Line::Begin {
                operation,
                line,
                teardown,
            } => match place(notes, operation) {
                Some(again) => notes[again].outcome = None,
                None => notes.push(Note {
                    operation,
                    line,
                    outcome: None,
                    answers: Vec::new(),
                    measured: Vec::new(),
                    teardown,
                }),
            },
            Line::End {
                operation,
                outcome,
                answers,
                measured,
            } => {
                if let Some(at) = place(notes, operation) {
                    notes[at].outcome = Some(outcome);
                    notes[at].answers = answers;
                    notes[at].measured = measured;
                }
            }
            Line::Growth(growth) => noted.growth = Some(growth),
            Line::Died { modules, stack } => {
                noted.died = Some(Died {
                    modules: modules.into_iter().map(Module::from).collect(),
                    stack,
                });
            }
            Line::Held { serials } => noted.held = Some(serials),
        }
    }
    noted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operation_in_which_a_process_ended_has_no_outcome() {
        let text = [
            Line::Begin {
                operation: 1,
                line: "agent a0".into(),
                teardown: false,
            },
            Line::End {
                operation: 1,
                outcome: NoteOutcome::Done,
                answers: Vec::new(),
                measured: Vec::new(),
            },
            Line::Begin {
                operation: 2,
                line: "backend b0 a0 UCX".into(),
                teardown: false,
            },
        ]
        .map(|line| serde_json::to_string(&line).unwrap())
        .join("\n");
        let noted = assemble(&(text + "\n{\"end\":{\"opera"));
        assert_eq!(noted.notes.len(), 2);
        assert_eq!(noted.notes[0].outcome, Some(NoteOutcome::Done));
        assert_eq!((&noted.notes[1].outcome, noted.held), (&None, None));
    }
}
