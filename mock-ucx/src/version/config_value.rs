//! Which values UCX takes for a configuration key (`ucs/config/parser.c`, the `ucs_config_sscanf_*` functions).
//!
//! Numbers are read by the C library's own `sscanf`, because UCX's oddities are its oddities: blanks before a number,
//! signs of unsigned ones, anything behind the number.

use std::ffi::{CStr, CString, c_int};

/// The syntax of a key's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Syntax {
    /// Anything.
    Any,
    /// `y|yes|n|no` in any case, `on|1|off|0` in lower case.
    Bool,
    /// As bool, or `try|maybe`.
    Ternary,
    /// `on|off|auto` and their synonyms in any case.
    OnOffAuto,
    /// One of the words, in any case.
    OneOf(Vec<&'static str>),
    /// The words, in any case, with commas between.
    Bits(Vec<&'static str>),
    Int,
    Uint,
    Ulong,
    /// A number, `inf` or `auto`.
    UlongOrAuto,
    Float,
    /// A number above 0, or `auto`.
    PositiveFloat,
    /// A number with b, kb, mb, gb or tb, `inf` or `auto`.
    Memory,
    /// A number with m, s, ms, us or ns.
    Time,
    /// As time, or `inf` or `auto`.
    TimeOrAuto,
    /// A number of bits or bytes per second, or `auto`.
    Bandwidth,
    /// A number, or a name with or without `SIG`.
    Signal,
    /// Names with commas between, perhaps after `^`; if the first is `all` it must be the only one.
    AllowList(Empty),
    /// Values with commas between.
    List(Empty, Box<Syntax>),
    /// `key:value` pairs with commas between; a value without key is the default of the rest; no key may be left out.
    Map(Vec<&'static str>, Box<Syntax>),
}

/// What an empty place between commas is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Empty {
    /// Skipped, as by `strtok` (until 1.21, and where ranges of names are expanded).
    Skipped,
    /// An empty value, unless it is the last (from 1.22).
    Value,
}

/// The names of `debug.c:ucs_signal_names` on Linux.
const SIGNALS: &[&str] = &[
    "SIGNAL0", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV",
    "USR2", "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU",
    "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS",
];

impl Syntax {
    /// Reads a syntax as `config_keys.txt` writes it.
    pub(super) fn of_text(text: &'static str) -> Syntax {
        let words = |text: &'static str| text.split(',').collect();
        match text.split_once(':') {
            Some(("one", rest)) => return Syntax::OneOf(words(rest)),
            Some(("bits", rest)) => return Syntax::Bits(words(rest)),
            Some(("list", rest)) => {
                return Syntax::List(Empty::Skipped, Box::new(Syntax::of_text(rest)));
            }
            Some(("list-with-empty", rest)) => {
                return Syntax::List(Empty::Value, Box::new(Syntax::of_text(rest)));
            }
            Some(("map", rest)) => {
                let (keys, value) = rest
                    .split_once(':')
                    .expect("a map in config_keys.txt has keys and a value");
                return Syntax::Map(words(keys), Box::new(Syntax::of_text(value)));
            }
            _ => {}
        }
        match text {
            "" | "string" => Syntax::Any,
            "bool" => Syntax::Bool,
            "ternary" => Syntax::Ternary,
            "on-off-auto" => Syntax::OnOffAuto,
            "int" => Syntax::Int,
            "uint" => Syntax::Uint,
            "ulong" => Syntax::Ulong,
            "ulong-or-auto" => Syntax::UlongOrAuto,
            "float" => Syntax::Float,
            "positive-float" => Syntax::PositiveFloat,
            "memory" => Syntax::Memory,
            "time" => Syntax::Time,
            "time-or-auto" => Syntax::TimeOrAuto,
            "bandwidth" => Syntax::Bandwidth,
            "signal" => Syntax::Signal,
            "allow" => Syntax::AllowList(Empty::Skipped),
            "allow-with-empty" => Syntax::AllowList(Empty::Value),
            other => panic!("config_keys.txt has the unknown syntax `{other}`"),
        }
    }

    /// Whether `ucp_config_modify` takes this value.
    pub(super) fn accepts(&self, value: &CStr) -> bool {
        let text = value.to_bytes();
        match self {
            Syntax::Any => true,
            Syntax::Bool => is_bool(text),
            Syntax::Ternary => is_one_of(text, &["try", "maybe"]) || is_bool(text),
            Syntax::OnOffAuto => is_one_of(
                text,
                &[
                    "try", "maybe", "auto", "on", "1", "yes", "y", "off", "0", "no", "n",
                ],
            ),
            Syntax::OneOf(words) => is_one_of(text, words),
            Syntax::Bits(words) => {
                tokens(text, Empty::Skipped).all(|token| is_one_of(token, words))
            }
            Syntax::Int => scan(value, c"%i%c%c").0 >= 1,
            Syntax::Uint => is_one_of(text, &["inf"]) || scan(value, c"%u%c%c").0 >= 1,
            Syntax::Ulong => scan(value, c"%lu%c%c").0 >= 1,
            Syntax::UlongOrAuto => {
                is_one_of(text, &["auto", "inf"]) || scan(value, c"%lu%c%c").0 >= 1
            }
            Syntax::Float => scan(value, c"%lf%c%c").0 >= 1,
            Syntax::PositiveFloat => is_one_of(text, &["auto"]) || is_positive(value),
            Syntax::Memory => memory_units(value).is_some(),
            Syntax::Time => is_time(value),
            Syntax::TimeOrAuto => text == b"inf" || text == b"auto" || is_time(value),
            Syntax::Bandwidth => is_one_of(text, &["auto"]) || is_bandwidth(value),
            Syntax::Signal => is_signal(text),
            Syntax::AllowList(empty) => is_allow_list(text, *empty),
            Syntax::List(empty, element) => {
                tokens(text, *empty).all(|token| element.accepts_bytes(token))
            }
            Syntax::Map(keys, element) => is_map(text, keys, element),
        }
    }

    fn accepts_bytes(&self, value: &[u8]) -> bool {
        CString::new(value).is_ok_and(|value| self.accepts(&value))
    }
}

fn is_one_of(text: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|word| word.as_bytes().eq_ignore_ascii_case(text))
}

fn tokens(text: &[u8], empty: Empty) -> impl Iterator<Item = &[u8]> {
    let nothing = text.is_empty();
    let text = match empty {
        Empty::Skipped => text,
        Empty::Value => text.strip_suffix(b",").unwrap_or(text),
    };
    text.split(|byte| *byte == b',')
        .filter(move |token| !token.is_empty() || (empty == Empty::Value && !nothing))
}

fn is_bool(text: &[u8]) -> bool {
    let lower_case_only: [&[u8]; 4] = [b"on", b"1", b"off", b"0"];
    is_one_of(text, &["y", "yes", "n", "no"]) || lower_case_only.contains(&text)
}

/// Reads a number of at most 8 bytes and up to two characters behind it: how many of the three were found, and those.
fn scan(value: &CStr, format: &CStr) -> (c_int, f64, [u8; 2]) {
    let mut number = 0_u64;
    let mut units = [0_u8; 2];
    let [first, second] = &mut units;
    // SAFETY: each format in this file has one conversion to a number of at most 8 bytes and two to a character; the
    // places for them are that long and live through the call.
    let found = unsafe {
        libc::sscanf(
            value.as_ptr(),
            format.as_ptr(),
            &raw mut number,
            &raw mut *first,
            &raw mut *second,
        )
    };
    (found, f64::from_bits(number), units)
}

fn is_positive(value: &CStr) -> bool {
    let (found, number, _) = scan(value, c"%lf%c%c");
    found >= 1 && number > 0.0
}

/// `string.c:ucs_str_to_memunits`: `inf`, `auto`, which is as good as that, or a number of bytes with perhaps a unit letter in any case
/// and then perhaps a b.
pub(crate) fn memory_units(value: &CStr) -> Option<u64> {
    if is_one_of(value.to_bytes(), &["inf", "auto"]) {
        return Some(u64::MAX);
    }
    let (found, number, units) = scan(value, c"%ld%c%c");
    let power = match (found, units[0].to_ascii_lowercase()) {
        (1, _) | (2 | 3, b'b') => 0,
        (2 | 3, b'k') => 1,
        (2 | 3, b'm') => 2,
        (2 | 3, b'g') => 3,
        (2 | 3, b't') => 4,
        _ => return None,
    };
    let is_whole = found < 3 || units[1].eq_ignore_ascii_case(&b'b');
    // The place for the number is the one that `scan` has for all kinds; UCX multiplies without a look at the result either.
    is_whole.then(|| number.to_bits().wrapping_mul(1 << (10 * power)))
}

fn is_time(value: &CStr) -> bool {
    let (found, _, units) = scan(value, c"%lf%c%c");
    match found {
        1 => true,
        2 => matches!(units[0], b'm' | b's'),
        3 => matches!(&units, b"ms" | b"us" | b"ns"),
        _ => false,
    }
}

/// `parser.c:ucs_config_sscanf_bw`: number, unit letter in upper case or none, B or b, then `ps`, `/s` or `s`.
fn is_bandwidth(value: &CStr) -> bool {
    let mut number = 0_f64;
    let mut unit = [0_u8; 16];
    // SAFETY: the format has one conversion to a double and one to at most 15 characters with a terminator; the places
    // for them are that long and live through the call.
    let found = unsafe {
        libc::sscanf(
            value.as_ptr(),
            c"%lf%15s".as_ptr(),
            &raw mut number,
            unit.as_mut_ptr(),
        )
    };
    if found < 2 {
        return false;
    }
    let unit = CStr::from_bytes_until_nul(&unit)
        .map(CStr::to_bytes)
        .unwrap_or_default();
    let unit = unit
        .strip_prefix(b"K")
        .or(unit.strip_prefix(b"M"))
        .or(unit.strip_prefix(b"G"))
        .or(unit.strip_prefix(b"T"))
        .unwrap_or(unit);
    let per_second: [&[u8]; 3] = [b"ps", b"/s", b"s"];
    matches!(unit, [b'b' | b'B', rest @ ..] if per_second.contains(&rest))
}

/// `parser.c:ucs_config_sscanf_signo`: `strtol` to the end of the text, which takes the empty one too, or a name.
fn is_signal(text: &[u8]) -> bool {
    let digits = text.trim_ascii_start();
    let digits = digits
        .strip_prefix(b"-")
        .or(digits.strip_prefix(b"+"))
        .unwrap_or(digits);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    let name = text.strip_prefix(b"SIG").unwrap_or(text);
    text.is_empty() || is_number || is_one_of(name, SIGNALS)
}

fn is_allow_list(text: &[u8], empty: Empty) -> bool {
    let mut names = tokens(text.strip_prefix(b"^").unwrap_or(text), empty);
    names.next() != Some(b"all") || names.next().is_none()
}

/// `parser.c:ucs_config_sscanf_key_value`: empty tokens count, the last value of a key does, keys are case-sensitive.
fn is_map(text: &[u8], keys: &[&str], element: &Syntax) -> bool {
    let mut default = None;
    let mut values = vec![None; keys.len()];
    for token in text.split(|byte| *byte == b',') {
        let mut parts = token.splitn(3, |byte| *byte == b':');
        let key = parts.next();
        match parts.next() {
            None => default = key,
            Some(value) => match keys.iter().position(|known| Some(known.as_bytes()) == key) {
                Some(index) => values[index] = Some(value),
                None => return false,
            },
        }
    }
    values.iter().all(|value| {
        value
            .or(default)
            .is_some_and(|value| element.accepts_bytes(value))
    })
}
