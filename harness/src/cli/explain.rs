//! `mock-ucx explain`: what a rule of UCX's contract says, and all of them.

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use crate::report::rules::{self, Entry};

/// Says what a rule of UCX's contract is, what it rests on, and what to do about it.
#[derive(Args)]
pub struct ExplainArgs {
    /// Id of a rule, such as UCP-MEM-003.
    #[arg(value_name = "ID", required_unless_present = "list")]
    id: Option<String>,
    /// All rules: those that the mock can see broken and those that it cannot.
    #[arg(long, conflicts_with = "id")]
    list: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// As docs/rules.md has them.
    #[arg(long, requires = "list", conflicts_with = "json")]
    markdown: bool,
}

impl ExplainArgs {
    /// Explains.
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let entries = match &self.id {
            Some(id) => vec![find(id)?],
            None => rules::entries().collect(),
        };
        let text = if self.markdown {
            rules::markdown()
        } else if self.json {
            let values: Vec<_> = entries.iter().map(Entry::json).collect();
            let one = values.first().filter(|_| self.id.is_some());
            match one {
                Some(one) => format!("{one:#}\n"),
                None => format!("{:#}\n", serde_json::Value::from(values)),
            }
        } else if self.list {
            entries.iter().map(Entry::line).collect()
        } else {
            entries.iter().map(Entry::text).collect()
        };
        anstream::print!("{text}");
        Ok(ExitCode::SUCCESS)
    }
}

/// The rule with this id; the prefix and the case do not matter.
fn find(id: &str) -> anyhow::Result<Entry> {
    let wanted = id.to_uppercase();
    let wanted = match wanted.strip_prefix("UCP-") {
        Some(_) => wanted,
        None => format!("UCP-{wanted}"),
    };
    if let Some(entry) = rules::entries().find(|entry| entry.info.id == wanted) {
        return Ok(entry);
    }
    let nearest = rules::entries().min_by_key(|entry| strsim::osa_distance(&wanted, entry.info.id));
    let nearest = nearest.map_or("", |entry| entry.info.id);
    bail!("no rule is called {id}; did you mean {nearest}? `mock-ucx explain --list` shows all")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_found_without_its_prefix_and_in_small_letters() {
        for id in ["UCP-MEM-003", "MEM-003", "ucp-mem-003"] {
            assert_eq!(find(id).expect("it is known").info.id, "UCP-MEM-003");
        }
    }

    #[test]
    fn an_unknown_id_is_an_error_with_the_nearest_one() {
        for (wrong, near) in [("UCP-MEM-03", "UCP-MEM-003"), ("RKY-008", "UCP-RKEY-008")] {
            let error = find(wrong).expect_err("it is unknown").to_string();
            assert!(error.contains(near), "{error}");
        }
        assert!(find("").is_err());
    }
}
