//! Splits one line of a scenario into words, each with its column.

use super::error::{Detail, ParseError, Problem};

/// One line of the text, for errors.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source<'a> {
    /// From 1.
    pub(super) number: usize,
    /// Without its end.
    pub(super) text: &'a str,
}

/// Where a word stands on its line, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At {
    /// From 1.
    pub(super) column: usize,
    /// Number of characters.
    pub(super) length: usize,
}

/// A word, or the value of a `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Escapes already resolved; any bytes.
    pub(super) bytes: Vec<u8>,
    /// It was written in quotes.
    pub(super) quoted: bool,
    /// Its place.
    pub(super) at: At,
}

/// A `key=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// The key.
    pub(super) key: String,
    /// Where the key stands.
    pub(super) key_at: At,
    /// The value.
    pub(super) value: Word,
}

/// What a line consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// A word.
    Word(Word),
    /// A `key=value`.
    Setting(Setting),
    /// `=>`
    Arrow(At),
}

impl Word {
    /// The word as text, with the bytes that are none replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Token {
    /// Where it stands.
    pub(super) fn at(&self) -> At {
        match self {
            Self::Word(word) => word.at,
            Self::Setting(setting) => setting.key_at,
            Self::Arrow(at) => *at,
        }
    }
}

impl Source<'_> {
    /// An error at a place on this line.
    pub(super) fn error(
        &self,
        at: At,
        problem: Problem,
        expected: impl Into<String>,
    ) -> ParseError {
        ParseError {
            line: self.number,
            column: at.column,
            length: at.length,
            detail: Box::new(Detail {
                source_line: self.text.to_owned(),
                problem,
                expected: expected.into(),
                nearest: None,
            }),
        }
    }

    /// The place behind the last character.
    pub(super) fn end(&self) -> At {
        At {
            column: self.text.trim_end().chars().count() + 1,
            length: 1,
        }
    }
}

/// Characters that a key consists of.
pub(super) fn is_key_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Characters that end a word or mean something else, so that text with them must be quoted.
pub(super) fn needs_quotes(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '"' | '\\' | '#' | '=' | '{' | '}')
}

/// The words of a line up to its comment.
pub(super) fn split(source: Source<'_>) -> Result<Vec<Token>, ParseError> {
    let chars: Vec<char> = source.text.chars().collect();
    let mut tokens = Vec::new();
    let mut next = 0;
    while next < chars.len() {
        if chars[next].is_whitespace() {
            next += 1;
            continue;
        }
        if chars[next] == '#' {
            break;
        }
        let token = if chars[next..].starts_with(&['=', '>']) {
            let at = At {
                column: next + 1,
                length: 2,
            };
            next += 2;
            Token::Arrow(at)
        } else {
            token(source, &chars, &mut next)?
        };
        tokens.push(token);
    }
    Ok(tokens)
}

fn token(source: Source<'_>, chars: &[char], next: &mut usize) -> Result<Token, ParseError> {
    let key_length = chars[*next..]
        .iter()
        .take_while(|c| is_key_char(**c))
        .count();
    let after = *next + key_length;
    let is_setting =
        key_length > 0 && chars.get(after) == Some(&'=') && chars.get(after + 1) != Some(&'>');
    if !is_setting {
        return Ok(Token::Word(word(source, chars, next)?));
    }
    let key: String = chars[*next..after].iter().collect();
    let key_at = At {
        column: *next + 1,
        length: key_length,
    };
    *next = after + 1;
    let value = word(source, chars, next)?;
    Ok(Token::Setting(Setting { key, key_at, value }))
}

/// A quoted or a bare word; empty where whitespace or the end follows.
fn word(source: Source<'_>, chars: &[char], next: &mut usize) -> Result<Word, ParseError> {
    let start = *next;
    let at = |end: usize| At {
        column: start + 1,
        length: (end - start).max(1),
    };
    if chars.get(start) == Some(&'"') {
        let bytes = string(source, chars, next)?;
        return Ok(Word {
            bytes,
            quoted: true,
            at: at(*next),
        });
    }
    let length = chars[start..]
        .iter()
        .take_while(|c| !c.is_whitespace() && !matches!(c, '"' | '#'))
        .count();
    *next += length;
    let text: String = chars[start..*next].iter().collect();
    Ok(Word {
        bytes: text.into_bytes(),
        quoted: false,
        at: at(*next),
    })
}

fn string(source: Source<'_>, chars: &[char], next: &mut usize) -> Result<Vec<u8>, ParseError> {
    let start = *next;
    let mut bytes = Vec::new();
    *next += 1;
    loop {
        match chars.get(*next) {
            None => {
                let at = At {
                    column: start + 1,
                    length: chars.len() - start,
                };
                return Err(source.error(at, Problem::OpenString, "`\"` at its end"));
            }
            Some('"') => {
                *next += 1;
                return Ok(bytes);
            }
            Some('\\') => bytes.push(escape(source, chars, next)?),
            Some(c) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                *next += 1;
            }
        }
    }
}

fn escape(source: Source<'_>, chars: &[char], next: &mut usize) -> Result<u8, ParseError> {
    let start = *next;
    let simple = match chars.get(start + 1) {
        Some('n') => Some(b'\n'),
        Some('r') => Some(b'\r'),
        Some('t') => Some(b'\t'),
        Some('\\') => Some(b'\\'),
        Some('"') => Some(b'"'),
        _ => None,
    };
    if let Some(byte) = simple {
        *next += 2;
        return Ok(byte);
    }
    let digit = |index: usize| chars.get(index).and_then(|c| c.to_digit(16));
    if chars.get(start + 1) == Some(&'x')
        && let (Some(high), Some(low)) = (digit(start + 2), digit(start + 3))
    {
        *next += 4;
        return Ok((high * 16 + low) as u8);
    }
    let shown: String = chars.get(start + 1).into_iter().collect();
    let at = At {
        column: start + 1,
        length: 2.min(chars.len() - start),
    };
    let expected = "`\\n`, `\\r`, `\\t`, `\\\\`, `\\\"` or `\\x00`";
    Err(source.error(at, Problem::BadEscape(shown), expected))
}
