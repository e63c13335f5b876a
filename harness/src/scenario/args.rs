//! Reads the words of one line one after the other, and says what was expected where one does not fit.
//!
//! Every option that an operation asks for is remembered, so that a misspelt one can be answered
//! with the nearest that there is.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use super::error::{ParseError, Problem, nearest};
use super::lex::{At, Setting, Source, Token, Word};
use super::operand::*;

/// What was expected of a word that does not fit.
pub(super) struct Unfit {
    expected: String,
    nearest: Option<String>,
}

impl Unfit {
    fn new(expected: impl Into<String>) -> Self {
        Self {
            expected: expected.into(),
            nearest: None,
        }
    }
}

/// Turns a word into a value.
type Read<T> = fn(&Word) -> Result<T, Unfit>;

/// The words behind an operation.
pub(super) struct Args<'a> {
    source: Source<'a>,
    operation: String,
    words: VecDeque<Word>,
    settings: Vec<Setting>,
    asked: Vec<&'static str>,
}

impl<'a> Args<'a> {
    /// Sorts the tokens of a line into words and settings.
    pub(super) fn new(
        source: Source<'a>,
        operation: String,
        tokens: impl IntoIterator<Item = Token>,
    ) -> Result<Self, ParseError> {
        let mut args = Self {
            source,
            operation,
            words: VecDeque::new(),
            settings: Vec::new(),
            asked: Vec::new(),
        };
        for token in tokens {
            match token {
                Token::Word(word) => args.words.push_back(word),
                Token::Setting(setting) => {
                    if args.settings.iter().any(|known| known.key == setting.key) {
                        let problem = Problem::DuplicateOption(setting.key);
                        return Err(source.error(setting.key_at, problem, "each option once"));
                    }
                    args.settings.push(setting);
                }
                Token::Arrow(at) => {
                    return Err(source.error(
                        at,
                        Problem::TooMany("=>".into()),
                        "one `=> STATUS` at the end",
                    ));
                }
            }
        }
        Ok(args)
    }

    fn unfit(&self, word: &Word, unfit: Unfit) -> ParseError {
        let problem = Problem::Unfit(word.text());
        self.source
            .error(word.at, problem, unfit.expected)
            .with_nearest(unfit.nearest)
    }

    fn missing(&self, at: At, what: &str, expected: String) -> ParseError {
        self.source
            .error(at, Problem::Missing(what.to_owned()), expected)
    }

    /// The next word, read as a value; `what` names it in errors.
    pub(super) fn next<T>(&mut self, what: &str, read: Read<T>) -> Result<T, ParseError> {
        let Some(word) = self.words.pop_front() else {
            let probe = Word {
                bytes: Vec::new(),
                quoted: false,
                at: self.source.end(),
            };
            let expected = read(&probe)
                .err()
                .map_or_else(String::new, |unfit| unfit.expected);
            return Err(self.missing(probe.at, what, expected));
        };
        read(&word).map_err(|unfit| self.unfit(&word, unfit))
    }

    /// The next word as a slot.
    pub(super) fn slot<S: Slot>(&mut self) -> Result<S, ParseError> {
        self.next(S::KIND, slot)
    }

    /// All words that are left, read as values.
    pub(super) fn rest<T>(&mut self, read: Read<T>) -> Result<Vec<T>, ParseError> {
        std::mem::take(&mut self.words)
            .iter()
            .map(|word| read(word).map_err(|unfit| self.unfit(word, unfit)))
            .collect()
    }

    /// All words that are left, of which there must be one.
    pub(super) fn some<T>(&mut self, what: &str, read: Read<T>) -> Result<Vec<T>, ParseError> {
        let first = self.next(what, read)?;
        let mut all = vec![first];
        all.extend(self.rest(read)?);
        Ok(all)
    }

    /// Takes the next word if it is this one.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self
            .words
            .front()
            .is_some_and(|next| !next.quoted && next.bytes == word.as_bytes());
        if found {
            self.words.pop_front();
        }
        found
    }

    /// The value of an option, if it is given.
    pub(super) fn option<T>(
        &mut self,
        key: &'static str,
        read: Read<T>,
    ) -> Result<Option<T>, ParseError> {
        self.asked.push(key);
        let Some(index) = self.settings.iter().position(|setting| setting.key == key) else {
            return Ok(None);
        };
        let setting = self.settings.remove(index);
        read(&setting.value)
            .map(Some)
            .map_err(|unfit| self.unfit(&setting.value, unfit))
    }

    /// The value of an option that must be given.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        read: Read<T>,
    ) -> Result<T, ParseError> {
        match self.option(key, read)? {
            Some(value) => Ok(value),
            None => Err(self.missing(
                self.source.end(),
                &format!("`{key}=`"),
                format!("`{key}=VALUE`"),
            )),
        }
    }

    /// Every option that nobody asked for, as they stand.
    pub(super) fn take_settings(&mut self) -> Vec<Param> {
        std::mem::take(&mut self.settings)
            .into_iter()
            .map(|setting| Param {
                value: setting.value.text(),
                key: setting.key,
            })
            .collect()
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), ParseError> {
        if let Some(word) = self.words.front() {
            let expected = match self.asked.as_slice() {
                [] => "the end of the line".to_owned(),
                asked => format!("an option ({}) or the end of the line", keys(asked)),
            };
            let nearest = nearest(&word.text(), self.asked.iter().copied());
            let error = self
                .source
                .error(word.at, Problem::TooMany(word.text()), expected);
            return Err(error.with_nearest(nearest));
        }
        let Some(setting) = self.settings.first() else {
            return Ok(());
        };
        let expected = match self.asked.as_slice() {
            [] => "no option at all".to_owned(),
            asked => keys(asked),
        };
        let nearest = nearest(&setting.key, self.asked.iter().copied());
        let problem = Problem::UnknownOption {
            operation: self.operation.clone(),
            key: setting.key.clone(),
        };
        let error = self.source.error(setting.key_at, problem, expected);
        Err(error.with_nearest(nearest))
    }
}

fn keys(asked: &[&str]) -> String {
    asked
        .iter()
        .map(|key| format!("`{key}=`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn bare(word: &Word) -> Option<&str> {
    if word.quoted {
        None
    } else {
        std::str::from_utf8(&word.bytes).ok()
    }
}

fn parse_slot<S: Slot>(text: &str) -> Option<S> {
    let digits = text.strip_prefix(S::LETTER)?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(())?;
    S::from_number(digits.parse().ok()?)
}

fn slot_expected<S: Slot>() -> String {
    format!(
        "{}, `{letter}0` to `{letter}{}`",
        S::KIND,
        S::MAX,
        letter = S::LETTER
    )
}

/// A slot.
pub(super) fn slot<S: Slot>(word: &Word) -> Result<S, Unfit> {
    bare(word)
        .and_then(parse_slot)
        .ok_or_else(|| Unfit::new(slot_expected::<S>()))
}

/// One word of a fixed set.
pub(super) fn keyword<K: Keyword>(word: &Word) -> Result<K, Unfit> {
    let text = word.text();
    if let Some((_, value)) = K::WORDS
        .iter()
        .find(|(known, _)| !word.quoted && *known == text)
    {
        return Ok(*value);
    }
    let words = K::WORDS.iter().map(|(known, _)| *known);
    let listed: Vec<String> = words.clone().map(|known| format!("`{known}`")).collect();
    Err(Unfit {
        expected: listed.join(", "),
        nearest: nearest(&text, words),
    })
}

/// A number of a range.
fn number(word: &Word, range: RangeInclusive<u32>) -> Result<u32, Unfit> {
    bare(word)
        .and_then(|text| text.parse::<u32>().ok())
        .filter(|value| range.contains(value))
        .ok_or_else(|| {
            Unfit::new(format!(
                "a number from {} to {}",
                range.start(),
                range.end()
            ))
        })
}

/// A number of 32 bits.
pub(super) fn u32(word: &Word) -> Result<u32, Unfit> {
    number(word, 0..=u32::MAX)
}

/// A number of 32 bits that is not zero.
pub(super) fn positive(word: &Word) -> Result<u32, Unfit> {
    number(word, 1..=u32::MAX)
}

/// A number of 16 bits.
pub(super) fn u16(word: &Word) -> Result<u16, Unfit> {
    number(word, 0..=u32::from(u16::MAX)).map(|value| value as u16)
}

/// A number of 8 bits.
pub(super) fn u8(word: &Word) -> Result<u8, Unfit> {
    number(word, 0..=u32::from(u8::MAX)).map(|value| value as u8)
}

/// How often something is repeated.
pub(super) fn rounds(word: &Word) -> Result<u32, Unfit> {
    number(word, 0..=super::REPEAT_MAX)
}

/// Text, not empty.
pub(super) fn text(word: &Word) -> Result<String, Unfit> {
    match String::from_utf8(word.bytes.clone()) {
        Ok(text) if !text.is_empty() && !text.contains('\0') => Ok(text),
        _ => Err(Unfit::new("text (UTF-8, not empty, no zero byte)")),
    }
}

/// The bytes of a notification: always in quotes, so that an empty one is one.
pub(super) fn message(word: &Word) -> Result<Message, Unfit> {
    if word.quoted {
        return Ok(Message(word.bytes.clone()));
    }
    Err(Unfit::new("a message in quotes"))
}

const DESC: &str = "a descriptor, `r0` or `r0[0..512]`";

fn parse_desc(text: &str) -> Option<Desc> {
    let Some((region, span)) = text.split_once('[') else {
        return Some(Desc {
            region: parse_slot(text)?,
            span: None,
        });
    };
    let (start, end) = span.strip_suffix(']')?.split_once("..")?;
    let (start, end) = (start.parse::<u32>().ok()?, end.parse::<u32>().ok()?);
    let span = Span {
        offset: start,
        len: end.checked_sub(start)?,
    };
    Some(Desc {
        region: parse_slot(region)?,
        span: Some(span),
    })
}

/// A region or a span of it.
pub(super) fn desc(word: &Word) -> Result<Desc, Unfit> {
    bare(word)
        .and_then(parse_desc)
        .ok_or_else(|| Unfit::new(DESC))
}

/// Descriptors with commas between them; none is the empty list.
pub(super) fn descs(word: &Word) -> Result<Vec<Desc>, Unfit> {
    list(word, parse_desc)
        .ok_or_else(|| Unfit::new("descriptors with commas between, `r0,r1[0..512]`"))
}

/// Numbers with commas between them; none is the empty list.
pub(super) fn indices(word: &Word) -> Result<Vec<u16>, Unfit> {
    list(word, |text| text.parse().ok())
        .ok_or_else(|| Unfit::new("indices with commas between, `0,2`"))
}

fn list<T>(word: &Word, read: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    match bare(word)? {
        "" => Some(Vec::new()),
        text => text.split(',').map(read).collect(),
    }
}

/// What a client thread does.
pub(super) fn lane(word: &Word) -> Result<Lane, Unfit> {
    let read = |text: &str| match text.split_once(':') {
        Some((agent, desc)) => Some(Lane::Register(parse_slot(agent)?, parse_desc(desc)?)),
        None => parse_slot(text)
            .map(Lane::Transfer)
            .or_else(|| parse_slot(text).map(Lane::Notifs)),
    };
    bare(word).and_then(read).ok_or_else(|| {
        Unfit::new("a transfer `x0`, an agent `a0` or memory with its agent `a0:r0`")
    })
}

/// A descriptor with its owner.
pub(super) fn remote_desc(word: &Word) -> Result<RemoteDesc, Unfit> {
    let read = |text: &str| {
        let (agent, desc) = text.split_once(':')?;
        let agent = if agent == "none" {
            None
        } else {
            Some(parse_slot(agent)?)
        };
        Some(RemoteDesc {
            agent,
            desc: parse_desc(desc)?,
        })
    };
    bare(word).and_then(read).ok_or_else(|| {
        Unfit::new("a descriptor with its owner, `a1:r0`, `a1:r0[0..512]` or `none:r0`")
    })
}
