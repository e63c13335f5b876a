//! The places where UCX's contract leaves a choice, and what may be chosen there.

use std::fmt;

use crate::functions::{FUNCTION_COUNT, FUNCTIONS, Function};
use crate::ledger::Kind;
use crate::rules::Basis;
use crate::schedule::choice::{Choice, Variant};
use crate::schedule::environment::{ENVIRONMENT_COUNT, Environment};
use crate::schedule::moves::{MOVE_COUNT, Move};

/// A place where UCX's contract leaves a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Point {
    /// Whether a call does its work or answers an error.
    Call(Function),
    /// How something behaves that a call has begun.
    Move(Move),
    /// Whether the system does what the client asks of it: not UCX's to decide, and only if it is asked for.
    Environment(Environment),
}

/// What is known of a point.
#[derive(Debug)]
pub struct PointInfo {
    /// Its name in fault specifications.
    pub name: &'static str,
    /// Kind of the object at which it is asked, which a specification may name.
    pub object: Kind,
    /// What is decided.
    pub question: &'static str,
    /// Its named variants.
    pub variants: &'static [Variant],
    /// What may be chosen besides the benign outcome, with where UCX does so.
    pub outcomes: &'static [OutcomeInfo],
}

/// One permitted outcome.
#[derive(Clone, Copy, Debug)]
pub struct OutcomeInfo {
    /// What is chosen.
    pub choice: Choice,
    /// What the permission rests on.
    pub basis: Basis,
    /// UCX file and function (v1.22) that permits it.
    pub source: &'static str,
    /// Only with `--paranoid`: the permission is a doubtful sentence, or no UCX was seen to make this move.
    pub paranoid: bool,
}

/// Number of points.
pub const POINT_COUNT: usize = FUNCTION_COUNT + MOVE_COUNT + ENVIRONMENT_COUNT;

/// Outcomes of a point, the benign one included; a test holds the tables to it.
pub const OUTCOMES_MAX: usize = 8;

impl Point {
    /// All points: the calls that can fail, then the moves, then those of the environment.
    pub fn all() -> impl Iterator<Item = Point> {
        let calls = Function::all()
            .filter(|function| !function.info().failures.is_empty())
            .map(Point::Call);
        calls
            .chain(Move::all().map(Point::Move))
            .chain(Environment::all().map(Point::Environment))
    }

    /// Its number, below [`POINT_COUNT`].
    pub fn number(self) -> usize {
        match self {
            Point::Call(function) => function as usize,
            Point::Move(which) => FUNCTION_COUNT + which as usize,
            Point::Environment(which) => FUNCTION_COUNT + MOVE_COUNT + which as usize,
        }
    }

    /// Whether it is about the system under the client instead of UCX.
    pub fn is_environment(self) -> bool {
        matches!(self, Point::Environment(_))
    }

    /// The point with this number.
    pub fn from_number(number: usize) -> Option<Point> {
        match number.checked_sub(FUNCTION_COUNT) {
            None => FUNCTIONS
                .get(number)
                .map(|(function, _)| Point::Call(*function)),
            Some(number) => match number.checked_sub(MOVE_COUNT) {
                None => Move::from_number(number).map(Point::Move),
                Some(number) => Environment::from_number(number).map(Point::Environment),
            },
        }
    }

    /// The point of this name.
    pub fn from_name(name: &str) -> Option<Point> {
        let mut moves = Move::all();
        let which = moves.find(|which| which.info().name == name);
        which
            .map(Point::Move)
            .or_else(|| {
                let mut all = Environment::all();
                all.find(|which| which.name() == name)
                    .map(Point::Environment)
            })
            .or_else(|| Function::from_name(name).map(Point::Call))
    }

    /// Its name in fault specifications: that of the function, or of the move.
    pub fn name(self) -> &'static str {
        match self {
            Point::Call(function) => function.name(),
            Point::Move(which) => which.info().name,
            Point::Environment(which) => which.name(),
        }
    }

    /// Kind of the object at which it is asked; `None` for a call that is about none.
    pub fn object(self) -> Option<Kind> {
        match self {
            // There need not be one, and it is only read.
            Point::Call(Function::InitVersion) => None,
            // These are about their second argument, which knows the first.
            Point::Call(Function::RkeyPack) => Some(Kind::MemoryHandle),
            Point::Call(Function::AmRecvDataNbx) => Some(Kind::AmData),
            Point::Call(function) => function
                .info()
                .handles
                .first()
                .map(|argument| argument.kind),
            Point::Move(which) => Some(which.info().object),
            Point::Environment(_) => None,
        }
    }

    /// Whether it is ever asked of an object of this kind.
    pub fn is_asked_of(self, kind: Kind) -> bool {
        match self {
            // Of the parent that the new handle gets.
            Point::Move(Move::HandleReuse) => true,
            _ => self.object() == Some(kind),
        }
    }

    /// Whether it is asked once of its object in each progress call of the worker, from the object's creation on.
    pub fn is_asked_by_progress(self) -> bool {
        self == Point::Move(Move::EndpointFail)
    }

    /// What is decided.
    pub fn question(self) -> String {
        match self {
            Point::Call(function) => format!("whether {} fails", function.name()),
            Point::Move(which) => which.info().question.to_owned(),
            Point::Environment(which) => which.question().to_owned(),
        }
    }

    /// The names of its variants.
    pub fn variants(self) -> &'static [Variant] {
        match self {
            Point::Call(_) => &[],
            Point::Move(which) => which.info().variants,
            Point::Environment(which) => which.variants(),
        }
    }

    /// What may be chosen besides the benign outcome; these are numbered from 1.
    pub fn outcomes(self) -> Vec<OutcomeInfo> {
        match self {
            Point::Move(which) => which.info().outcomes.to_vec(),
            Point::Environment(which) => which.outcomes().to_vec(),
            Point::Call(function) => {
                let info = function.info();
                let outcome = |status: &_| OutcomeInfo {
                    choice: Choice::Status(*status),
                    basis: Basis::Code,
                    source: info.failure_source,
                    paranoid: false,
                };
                info.failures.iter().map(outcome).collect()
            }
        }
    }

    /// The number of a permitted outcome: 0 for the benign one; any delay counts as the point's first. `None`: UCX does not permit it.
    pub fn outcome_number(self, choice: Choice) -> Option<usize> {
        let same = |permitted: Choice| match (permitted, choice) {
            (Choice::After(_), Choice::After(_)) => true,
            (permitted, choice) => permitted == choice,
        };
        let number_in = |mut choices: Box<dyn Iterator<Item = Choice>>| {
            choices.position(same).map(|index| index + 1)
        };
        match (self, choice) {
            (_, Choice::Benign) => Some(0),
            (Point::Call(function), _) => {
                let failures = function.info().failures.iter();
                number_in(Box::new(failures.map(|status| Choice::Status(*status))))
            }
            (Point::Environment(which), _) => {
                let outcomes = which.outcomes().iter();
                number_in(Box::new(outcomes.map(|outcome| outcome.choice)))
            }
            (Point::Move(which), _) => {
                let outcomes = which.info().outcomes.iter();
                // The exact delay, if it is one of the table; else any.
                let exact = outcomes
                    .clone()
                    .position(|outcome| outcome.choice == choice);
                exact
                    .map(|index| index + 1)
                    .or_else(|| number_in(Box::new(outcomes.map(|outcome| outcome.choice))))
            }
        }
    }

    /// A choice in words.
    pub fn words(self, choice: Choice) -> impl fmt::Display {
        choice.display(self.variants())
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_lead_back() {
        let names: BTreeSet<_> = Point::all().map(Point::name).collect();
        assert_eq!(names.len(), Point::all().count());
        for point in Point::all() {
            assert_eq!(Point::from_name(point.name()), Some(point));
            assert_eq!(Point::from_number(point.number()), Some(point));
        }
    }

    #[test]
    fn each_outcome_has_a_number_and_a_source() {
        for point in Point::all() {
            let outcomes = point.outcomes();
            assert!(outcomes.len() < OUTCOMES_MAX, "{point}");
            for (index, outcome) in outcomes.iter().enumerate() {
                assert_eq!(
                    point.outcome_number(outcome.choice),
                    Some(index + 1),
                    "{point}"
                );
                assert!(!outcome.source.is_empty(), "{point}");
                assert_ne!(point.words(outcome.choice).to_string(), "?", "{point}");
            }
        }
    }

    #[test]
    fn what_ucx_does_not_permit_has_no_number() {
        let pack = Point::Call(Function::RkeyPack);
        assert_eq!(pack.outcome_number(Choice::After(1)), None);
        assert_eq!(
            Point::Move(Move::PutComplete).outcome_number(Choice::Variant(0)),
            None
        );
        assert_eq!(
            Point::Move(Move::PutComplete).outcome_number(Choice::After(77)),
            Some(1)
        );
    }
}
