//! Puts a question to the decider, and records what it answered.

use crate::abi::call::Call;
use crate::control::edges;
use crate::ledger::{Asker, Kind, Site, Stack};
use crate::schedule::environment::is_sampled;
use crate::schedule::{Choice, Decision, Environment, Move, ObjectName, Point, Question};
use crate::trace::{Event, Line};
use crate::universe::State;

impl Call {
    /// What is to happen at a decision point of an object of the client.
    pub(crate) fn ask(&self, state: &mut State, which: Move, object: u64) -> Choice {
        if !state.counts.is_asked_for(Point::Move(which)) {
            return Choice::Benign;
        }
        let question = state.question(Point::Move(which), object, self.thread());
        state.answer(&question, self.step(), || self.site()).choice
    }

    /// Whether this call does its work.
    pub(crate) fn ask_whether(&self, state: &mut State, object: u64, occurrence: u64) -> Choice {
        let point = Point::Call(self.function);
        if !state.counts.is_asked_for(point) {
            return Choice::Benign;
        }
        let question = Question {
            occurrence: occurrence.saturating_sub(state.calls_before[self.function as usize]),
            ..state.question(point, object, self.thread())
        };
        state.answer(&question, self.step(), || self.site()).choice
    }
}

impl State {
    /// As [`Call::ask`], where a call's stack is at hand already.
    pub(crate) fn ask(&mut self, which: Move, object: u64, site: Site<'_>) -> Choice {
        if !self.counts.is_asked_for(Point::Move(which)) {
            return Choice::Benign;
        }
        let question = self.question(Point::Move(which), object, site.thread);
        self.answer(&question, site.step, || site).choice
    }

    /// Whether anybody wants to hear questions.
    pub(crate) fn is_asking(&self) -> bool {
        !self.decider.is_benign() || self.settings.record_questions
    }

    fn question(&mut self, point: Point, object: u64, thread: u16) -> Question {
        let operation = self.ledger.operation();
        let occurrence = self.counts.reach(point);
        let (path, of_object) = match self.objects.get_mut(&object) {
            Some(entry) => {
                debug_assert!(
                    point.is_asked_of(entry.body.kind()),
                    "{point} is asked of another kind of object than it says"
                );
                let counts = entry.counts.get_or_insert_default();
                (entry.path, counts.reach(point))
            }
            None => match point {
                // What the system does in other operations shifts nothing.
                Point::Environment(which) => {
                    (operation.into(), self.counts.reach_within(operation, which))
                }
                _ => (0, occurrence),
            },
        };
        Question {
            point,
            object: self.name(object),
            path,
            occurrence,
            of_object,
            operation,
            thread,
        }
    }

    /// Whether the system is to fail a client's call, made beside all calls of UCX.
    pub(crate) fn ask_environment(
        &mut self,
        which: Environment,
        step: u64,
        thread: u16,
        stack: impl Fn() -> Stack,
    ) -> Choice {
        let point = Point::Environment(which);
        if !self.counts.is_asked_for(point) {
            return Choice::Benign;
        }
        let question = self.question(point, 0, thread);
        if self.settings.record_questions {
            // Where something deviates, what else could is known.
            let place = self.decider.is_benign().then(|| stack().place());
            let place = place.filter(|place| self.counts.is_new_at(which, *place));
            if place.is_some() || is_sampled(question.of_object) {
                self.ledger.asked(&question, step, place.unwrap_or(0));
            }
        }
        let mut taken = None;
        self.decide(&question, step, || Asker {
            function: None,
            stack: taken.insert(stack()),
        })
        .choice
    }

    fn answer<'a, A: Into<Asker<'a>>>(
        &mut self,
        question: &Question,
        step: u64,
        asker: impl FnOnce() -> A,
    ) -> Decision {
        if self.settings.record_questions {
            self.ledger.asked(question, step, 0);
        }
        self.decide(question, step, asker)
    }

    /// The same for a question that is recorded, if it is to be.
    fn decide<'a, A: Into<Asker<'a>>>(
        &mut self,
        question: &Question,
        step: u64,
        asker: impl FnOnce() -> A,
    ) -> Decision {
        let mut decision = self.decider.decide(question);
        // After the healing a call fails only if a specification says so: it keeps nobody from coming to rest.
        let is_asked_for = decision.fault.is_some() && matches!(question.point, Point::Call(_));
        // A decider that asks for what UCX does not permit is not followed.
        let is_permitted = question.point.outcome_number(decision.choice).is_some();
        if (self.healed && !is_asked_for) || !is_permitted {
            decision = Decision::BENIGN;
        }
        self.ledger.decided(question.point, decision.choice);
        if decision.choice != Choice::Benign {
            let asker = asker().into();
            if edges::are_counted()
                && let Some(outcome) = question.point.outcome_number(decision.choice)
            {
                edges::decision(asker.function, question.point, outcome);
            }
            self.ledger.fired(question, decision, step, asker);
            self.trace_decision(question, decision, step);
        }
        decision
    }

    /// Traces a deviation.
    fn trace_decision(&self, question: &Question, decision: Decision, step: u64) {
        if let Some(trace) = &self.trace {
            trace.line(&Line {
                step,
                thread: question.thread,
                event: Event::Decision,
                what: question.point.name(),
                object: question.object,
                occurrence: Some(question.of_object),
                outcome: &question.point.words(decision.choice),
            });
        }
    }

    /// The name of an object that is alive, or ended not too long ago.
    pub(crate) fn name(&self, serial: u64) -> Option<ObjectName> {
        let (kind, ordinal) = match self.objects.get(&serial) {
            Some(entry) => self.ledger.kind_and_ordinal(entry.slot)?,
            None => {
                let record = self.ledger.ended(serial)?;
                (record.kind, record.ordinal)
            }
        };
        Some(ObjectName {
            kind: Kind::from_number(kind)?,
            ordinal,
        })
    }
}
