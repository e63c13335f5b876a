//! `mock-ucx points`: the decision points of the mock, from the same data as docs/points.md.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use mock_ucx::schedule::Point;

use super::CLEAN;
use crate::report::points;

/// Names the decision points: where UCX's contract leaves a choice, what may be chosen there, and which place in UCX permits it.
///
/// Each is a name in fault specifications (`run --faults`): a function that can fail, or a move of the adversary.
#[derive(Args, Debug)]
pub struct PointsArgs {
    /// All points, one a line.
    #[arg(long, conflicts_with = "point")]
    list: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// One point, with all that is known of its outcomes.
    #[arg(value_name = "POINT", required_unless_present = "list")]
    point: Option<String>,
}

impl PointsArgs {
    /// Prints what was asked for.
    ///
    /// # Errors
    /// There is no such point.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let chosen: Vec<Point> = match &self.point {
            None => Point::all().collect(),
            Some(name) => vec![named(name)?],
        };
        if self.json {
            anstream::println!("{:#}", points::json(&chosen));
        } else if self.list {
            anstream::print!("{}", points::lines(&chosen));
        } else {
            anstream::print!("{}", points::in_full(&chosen));
        }
        Ok(ExitCode::from(CLEAN))
    }
}

fn named(name: &str) -> anyhow::Result<Point> {
    if let Some(point) = Point::all().find(|point| point.name() == name) {
        return Ok(point);
    }
    let nearest = Point::all()
        .map(Point::name)
        .max_by(|a, b| strsim::jaro_winkler(name, a).total_cmp(&strsim::jaro_winkler(name, b)));
    bail!(
        "`{name}` is no decision point; the nearest is `{}`, `mock-ucx points --list` names all",
        nearest.unwrap_or_default()
    )
}
