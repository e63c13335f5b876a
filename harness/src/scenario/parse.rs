//! Reads the text form: headers, operations, repeats.

use super::args::{self, Args};
use super::error::{ParseError, Problem, nearest};
use super::lex::{At, Source, Token, Word, split};
use super::op::Op;
use super::operand::Expect;
use super::verbs::VERBS;
use super::{DEPTH_MAX, LINES_MAX, Line, Scenario, Step};

const HEADERS: [&str; 6] = [
    "name",
    "about",
    "leave",
    "misuse",
    "growth",
    "telemetry_enabled",
];
const WHAT_A_LINE_IS: &str = "an operation, `repeat`, `}` or a header (`name`, `about`, `leave`, `misuse`, `growth`, `telemetry_enabled`)";

/// A `repeat` whose `}` has not come yet.
struct Open<'a> {
    source: Source<'a>,
    at: At,
    count: u32,
    outer: Vec<Step>,
}

#[derive(Default)]
struct Headers {
    name: Option<String>,
    about: Option<String>,
    leave: bool,
    misuse: bool,
    growth: bool,
    telemetry: bool,
}

/// Reads a whole scenario.
pub(super) fn scenario(text: &str) -> Result<Scenario, ParseError> {
    let mut headers = Headers::default();
    let mut steps = Vec::new();
    let mut open: Vec<Open<'_>> = Vec::new();
    let mut last = Source {
        number: 1,
        text: "",
    };
    for (index, line) in text.lines().enumerate() {
        let source = Source {
            number: index + 1,
            text: line,
        };
        last = source;
        if index >= LINES_MAX {
            let problem = Problem::TooLarge(format!("a scenario has at most {LINES_MAX} lines"));
            return Err(source.error(
                At {
                    column: 1,
                    length: 1,
                },
                problem,
                "its end",
            ));
        }
        if headers.read(source)? {
            continue;
        }
        let mut tokens = split(source)?.into_iter();
        let Some(first) = tokens.next() else { continue };
        match bare_text(&first).as_deref() {
            Some("repeat") => {
                let count = open_repeat(source, first.at(), tokens, open.len())?;
                open.push(Open {
                    source,
                    at: first.at(),
                    count,
                    outer: std::mem::take(&mut steps),
                });
            }
            Some("}") => {
                Args::new(source, "}".into(), tokens)?.finish()?;
                let Some(Open { count, outer, .. }) = open.pop() else {
                    return Err(source.error(
                        first.at(),
                        Problem::CloseWithoutRepeat,
                        "a `repeat` before it",
                    ));
                };
                let body = std::mem::replace(&mut steps, outer);
                steps.push(Step::Repeat { count, body });
            }
            verb => steps.push(Step::Line(operation(
                source,
                &first,
                verb,
                tokens.collect(),
            )?)),
        }
    }
    if let Some(Open { source, at, .. }) = open.last() {
        return Err(source.error(*at, Problem::OpenRepeat, "a line with `}`"));
    }
    let Some(name) = headers.name else {
        return Err(last.error(
            last.end(),
            Problem::Missing("the scenario's name".into()),
            "`name SOME-NAME`",
        ));
    };
    Ok(Scenario {
        name,
        about: headers.about.unwrap_or_default(),
        leave: headers.leave,
        misuse: headers.misuse,
        growth: headers.growth,
        telemetry: headers.telemetry,
        steps,
    })
}

impl Headers {
    /// Takes the line if it is a header. Its value is the rest of the line as it stands.
    fn read(&mut self, source: Source<'_>) -> Result<bool, ParseError> {
        let trimmed = source.text.trim();
        let (key, value) = trimmed
            .split_once(char::is_whitespace)
            .unwrap_or((trimmed, ""));
        if !HEADERS.contains(&key) {
            return Ok(false);
        }
        let indent = source
            .text
            .chars()
            .take_while(|c| c.is_whitespace())
            .count();
        let key_at = At {
            column: indent + 1,
            length: key.chars().count(),
        };
        let twice = |given: bool| match given {
            true => Err(source.error(
                key_at,
                Problem::DuplicateHeader(key.to_owned()),
                "each header once",
            )),
            false => Ok(()),
        };
        let value = value.trim();
        let value_length = value.chars().count();
        let value_at = At {
            column: source.end().column - value_length,
            length: value_length.max(1),
        };
        match key {
            "name" => {
                twice(self.name.is_some())?;
                if !is_name(value) {
                    let expected = "a name of letters, digits, `-` and `_`";
                    return Err(source.error(value_at, Problem::Unfit(value.to_owned()), expected));
                }
                self.name = Some(value.to_owned());
            }
            "about" => {
                twice(self.about.is_some())?;
                self.about = Some(value.to_owned());
            }
            _ => {
                let flag = match key {
                    "leave" => &mut self.leave,
                    "misuse" => &mut self.misuse,
                    "growth" => &mut self.growth,
                    _ => &mut self.telemetry,
                };
                twice(*flag)?;
                if !value.is_empty() && !value.starts_with('#') {
                    return Err(source.error(
                        value_at,
                        Problem::TooMany(value.to_owned()),
                        "the end of the line",
                    ));
                }
                *flag = true;
            }
        }
        Ok(true)
    }
}

/// Is this the name of a scenario?
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

fn bare_text(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if !word.quoted => Some(word.text()),
        _ => None,
    }
}

fn open_repeat(
    source: Source<'_>,
    at: At,
    tokens: impl Iterator<Item = Token>,
    depth: usize,
) -> Result<u32, ParseError> {
    if depth >= DEPTH_MAX {
        let problem = Problem::TooLarge(format!("`repeat` nests at most {DEPTH_MAX} deep"));
        return Err(source.error(at, problem, "a flatter scenario"));
    }
    let mut words = Args::new(source, "repeat".into(), tokens)?;
    let count = words.next("a count", args::rounds)?;
    if !words.take_word("{") {
        let problem = Problem::Missing("`{`".into());
        return Err(source.error(source.end(), problem, "`repeat COUNT {` on one line"));
    }
    words.finish()?;
    Ok(count)
}

fn operation(
    source: Source<'_>,
    first: &Token,
    verb: Option<&str>,
    mut tokens: Vec<Token>,
) -> Result<Line, ParseError> {
    let Some((verb, read)) = VERBS.iter().find(|(known, _)| Some(*known) == verb) else {
        return Err(unknown(source, first));
    };
    let expect = expectation(source, &mut tokens)?;
    let mut args = Args::new(source, (*verb).to_owned(), tokens)?;
    let op: Op = read(&mut args)?;
    args.finish()?;
    Ok(Line { op, expect })
}

/// Takes `=> STATUS` off the end of the line.
fn expectation(source: Source<'_>, tokens: &mut Vec<Token>) -> Result<Option<Expect>, ParseError> {
    let Some(index) = tokens
        .iter()
        .position(|token| matches!(token, Token::Arrow(_)))
    else {
        return Ok(None);
    };
    let behind = tokens.split_off(index).into_iter().skip(1);
    let mut words = Args::new(source, "=>".into(), behind)?;
    let expect = words.next("a status", args::keyword::<Expect>)?;
    words.finish()?;
    Ok(Some(expect))
}

fn unknown(source: Source<'_>, first: &Token) -> ParseError {
    let text = match first {
        Token::Word(Word { quoted: true, .. }) => "a string".to_owned(),
        Token::Word(word) => word.text(),
        Token::Setting(setting) => format!("{}=", setting.key),
        Token::Arrow(_) => "=>".to_owned(),
    };
    let known = VERBS
        .iter()
        .map(|(verb, _)| *verb)
        .chain(HEADERS)
        .chain(["repeat"]);
    let nearest = nearest(&text, known);
    let error = source.error(first.at(), Problem::UnknownOperation(text), WHAT_A_LINE_IS);
    error.with_nearest(nearest)
}
