//! A scenario: a short list of NIXL operations as data, with a text form to read and edit.
//!
//! ```text
//! name two-agents-write
//! about One WRITE between two agents
//! agent a0
//! backend b0 a0 UCX
//! region r0 size=4096 seed=1
//! register a0 r0
//! repeat 3 {
//!   get_md m0 a0
//! }
//! destroy_agent a1 => error     # the status that is right here
//! ```

mod args;
mod builtin;
mod error;
mod file;
pub mod generate;
mod lex;
pub mod model;
mod op;
mod operand;
mod parse;
mod print;
mod threads;
mod verbs;

#[cfg(test)]
mod tests;

pub use builtin::{
    builtin, builtin_growth, builtin_misuse, builtin_named, builtin_of, builtin_texts,
};
pub(crate) use error::clipped;
pub use error::{Detail, ParseError, Problem};
pub use file::{FILE_BYTES_MAX, read_text};
pub use op::Op;
pub use operand::*;
pub use threads::has_threads;

/// Text with more lines than this is refused: scenarios are short.
pub const LINES_MAX: usize = 4096;
/// How deep `repeat` may nest.
pub const DEPTH_MAX: usize = 4;
/// The largest count of one `repeat`.
pub const REPEAT_MAX: u32 = 1_000_000;

/// After which rounds it is read what is live, where growth is looked for. The first reading ends the warm-up: what NIXL, UCX or the loader
/// keep once is there by then. From one to the next the number of rounds doubles, so that what grows with each round, but takes its memory
/// in doubling pieces as a vector does, grows between any two of them.
pub const READ_AFTER: [u32; 4] = [4, 8, 16, 32];
/// Rounds that are played for it.
pub const ROUNDS: u32 = READ_AFTER[READ_AFTER.len() - 1];

/// Size of an arena in bytes. Only what is touched of it costs memory.
pub const ARENA_BYTES: u32 = 16 << 20;
/// The largest region in bytes: a scenario must run on a small machine.
pub const REGION_BYTES_MAX: u32 = 64 << 20;

/// A list of operations with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// Letters, digits, `-` and `_`.
    pub name: String,
    /// One line that says what it is for.
    pub about: String,
    /// What is still held at the end stays as it is, instead of being given back.
    pub leave: bool,
    /// It breaks NIXL's contract on purpose: what the contract forbids is played all the same.
    pub misuse: bool,
    /// It is played to see what grows: see [`Scenario::measured`].
    pub growth: bool,
    /// The process asks for telemetry by NIXL_TELEMETRY_ENABLE (NIXL: docs/telemetry.md); what agents are made with is another thing.
    pub telemetry: bool,
    /// What is done.
    pub steps: Vec<Step>,
}

/// One entry of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An operation.
    Line(Line),
    /// Steps that are done several times.
    Repeat {
        /// How often.
        count: u32,
        /// What.
        body: Vec<Step>,
    },
}

/// An operation and what it should answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The operation.
    pub op: Op,
    /// The status that is right; `None` is success.
    pub expect: Option<Expect>,
}

impl From<Op> for Step {
    fn from(op: Op) -> Self {
        Self::Line(Line { op, expect: None })
    }
}

impl Scenario {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::scenario(text)
    }

    /// Whether memory comes and goes beside NIXL's, so that unmaps are worth to be seen. Elsewhere they are not: patching the C library
    /// costs each case more than all else.
    pub fn churns(&self) -> bool {
        has_op(&self.steps, |op| matches!(op, Op::Churn { .. }))
    }

    /// The operations in the order in which they are played, repeats unrolled.
    pub fn lines(&self) -> Lines<'_> {
        Lines::of(&self.steps)
    }

    /// Where growth is looked for: the last `repeat` outside of others with as many rounds as that takes. `None`: the whole scenario, its
    /// teardown included, is played so often.
    pub fn measured(&self) -> Option<usize> {
        let is_long = |step: &Step| matches!(step, Step::Repeat { count, .. } if *count >= ROUNDS);
        self.steps.iter().rposition(is_long)
    }
}

impl std::str::FromStr for Scenario {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// Whether one of the operations is such.
fn has_op(steps: &[Step], is_such: fn(&Op) -> bool) -> bool {
    steps.iter().any(|step| match step {
        Step::Line(line) => is_such(&line.op),
        Step::Repeat { body, .. } => has_op(body, is_such),
    })
}

/// Walks a scenario with its repeats unrolled, without building the unrolled list.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    stack: Vec<Frame<'a>>,
}

#[derive(Debug, Clone)]
struct Frame<'a> {
    steps: &'a [Step],
    next: usize,
    rounds_left: u32,
}

impl<'a> Lines<'a> {
    /// Those of some steps.
    pub(crate) fn of(steps: &'a [Step]) -> Lines<'a> {
        Lines {
            stack: vec![Frame {
                steps,
                next: 0,
                rounds_left: 0,
            }],
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a Line;

    fn next(&mut self) -> Option<&'a Line> {
        loop {
            let frame = self.stack.last_mut()?;
            match frame.steps.get(frame.next) {
                Some(Step::Line(line)) => {
                    frame.next += 1;
                    return Some(line);
                }
                Some(Step::Repeat { count, body }) => {
                    frame.next += 1;
                    // An empty body would spin through its rounds for nothing.
                    if *count > 0 && !body.is_empty() {
                        self.stack.push(Frame {
                            steps: body,
                            next: 0,
                            rounds_left: count - 1,
                        });
                    }
                }
                None if frame.rounds_left > 0 => {
                    frame.rounds_left -= 1;
                    frame.next = 0;
                }
                None => {
                    self.stack.pop();
                }
            }
        }
    }
}
