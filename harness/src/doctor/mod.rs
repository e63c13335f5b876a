//! Is everything there that the program needs? One check per need, as data, each with what mends it.

mod host;
mod own;
mod tools;

/// How a need is met. What to do is empty where the message says it already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is; the text says with what.
    Well(String),
    /// It is not, and something works less well or not at all for it, but no finding is wrong or missed.
    Weak {
        /// What is the matter.
        what: String,
        /// What to do.
        mend: String,
    },
    /// It is not, and the program cannot do its work.
    Ill {
        /// What is the matter.
        what: String,
        /// What to do.
        mend: String,
    },
}

impl Health {
    fn well(text: impl Into<String>) -> Health {
        Health::Well(text.into())
    }

    fn weak(what: impl Into<String>, mend: impl Into<String>) -> Health {
        Health::Weak {
            what: what.into(),
            mend: mend.into(),
        }
    }

    fn ill(what: impl Into<String>, mend: impl Into<String>) -> Health {
        Health::Ill {
            what: what.into(),
            mend: mend.into(),
        }
    }
}

/// One need.
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Looks how it is met.
    pub look: fn() -> Health,
}

/// All of them, what others stand on first.
#[rustfmt::skip]
pub const CHECKS: [Check; 13] = [
    Check { name: "machine", look: host::machine },
    Check { name: "kernel", look: host::kernel },
    Check { name: "C library", look: host::c_library },
    Check { name: "process memory", look: host::process_memory },
    Check { name: "fixed addresses", look: host::fixed_addresses },
    Check { name: "ledgers", look: host::ledgers },
    Check { name: "library", look: own::library },
    Check { name: "preload", look: own::preload },
    Check { name: "cache", look: own::cache },
    Check { name: "Python", look: tools::python },
    Check { name: "pip", look: tools::pip },
    Check { name: "venv", look: tools::venv },
    Check { name: "C compiler", look: tools::c_compiler },
];
