//! A decider that is exchanged between schedules.

use std::sync::{Mutex, PoisonError};

use mock_ucx::schedule::{Decider, Decision, Question};

/// Asks whichever decider was set last.
#[derive(Debug)]
pub struct Exchanged(Mutex<Box<dyn Decider>>);

impl Exchanged {
    /// Begins with this one.
    pub fn new(decider: Box<dyn Decider>) -> Exchanged {
        Exchanged(Mutex::new(decider))
    }

    /// Goes on with this one.
    pub fn set(&self, decider: Box<dyn Decider>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = decider;
    }
}

impl Decider for Exchanged {
    fn decide(&self, question: &Question) -> Decision {
        let decider = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        decider.decide(question)
    }
}
