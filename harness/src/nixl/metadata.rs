//! Where the fields of an agent's metadata lie.
//!
//! Metadata is one string: a tag, a length of eight bytes, so many bytes and a `|`, again and again (NIXL, src/utils/serdes/serdes.cpp
//! `nixlSerDes::addStr` and `addBuf`). Which tags come, and how often, differs from release to release.

use std::fmt;
use std::str::FromStr;

/// What all metadata begins with (`nixlSerDes::importStr`).
const BEGIN: &[u8] = b"nixlSerDes|";
/// What each field ends with.
const END: u8 = b'|';
/// Bytes of a length.
const LENGTH: usize = 8;

/// One field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its tag; those of a list's descriptors have none.
    pub tag: String,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Bytes behind its length, without the `|`.
    pub len: usize,
}

impl Field {
    /// Where its length stands.
    pub fn length_at(&self) -> usize {
        self.start + self.tag.len()
    }

    /// Where its bytes stand.
    pub fn data_at(&self) -> usize {
        self.length_at() + LENGTH
    }

    /// Where the next field begins.
    pub fn end(&self) -> usize {
        self.data_at() + self.len + 1
    }

    /// The field that begins at `start`, with the shortest tag that makes it one.
    fn at(bytes: &[u8], start: usize) -> Option<Field> {
        let is_letter = |byte: &&u8| byte.is_ascii_graphic() && **byte != END;
        let letters = bytes.get(start..)?.iter().take_while(is_letter).count();
        let of_tag = |tag: usize| {
            let at = start + tag;
            let length = bytes.get(at..at + LENGTH)?.try_into().ok()?;
            let len = usize::try_from(u64::from_le_bytes(length)).ok()?;
            let field = Field {
                tag: String::from_utf8_lossy(&bytes[start..at]).into_owned(),
                start,
                len,
            };
            let last = at.checked_add(LENGTH)?.checked_add(len)?;
            (bytes.get(last) == Some(&END)).then_some(field)
        };
        (0..=letters).find_map(of_tag)
    }
}

/// As it is told of metadata: the tag, where it begins, and the length.
impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}+{}", self.tag, self.start, self.len)
    }
}

/// The text is not that of a field.
#[derive(Debug, PartialEq, Eq)]
pub struct NoField;

impl FromStr for Field {
    type Err = NoField;

    fn from_str(text: &str) -> Result<Field, NoField> {
        let (tag, place) = text.rsplit_once('@').ok_or(NoField)?;
        let (start, len) = place.split_once('+').ok_or(NoField)?;
        Ok(Field {
            tag: tag.to_owned(),
            start: start.parse().map_err(|_| NoField)?,
            len: len.parse().map_err(|_| NoField)?,
        })
    }
}

/// The fields of metadata, up to the first place where none begins.
pub fn fields(bytes: &[u8]) -> Vec<Field> {
    let mut next = if bytes.starts_with(BEGIN) {
        BEGIN.len()
    } else {
        bytes.len()
    };
    let take = || {
        let field = Field::at(bytes, next)?;
        next = field.end();
        Some(field)
    };
    std::iter::from_fn(take).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(of: &[(&str, &[u8])]) -> Vec<u8> {
        let mut bytes = BEGIN.to_vec();
        for (tag, data) in of {
            bytes.extend(tag.as_bytes());
            bytes.extend((data.len() as u64).to_le_bytes());
            bytes.extend(*data);
            bytes.push(END);
        }
        bytes
    }

    fn texts(bytes: &[u8]) -> Vec<String> {
        fields(bytes).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn fields_are_found_one_behind_the_other_whatever_is_in_them() {
        // The length of the second is a letter, too, and there are ends within its bytes.
        let long = [END; 65];
        let bytes = metadata(&[("Agent", b"bob"), ("c", &long), ("", b"list"), ("msg", b"")]);
        assert_eq!(
            texts(&bytes),
            ["Agent@11+3", "c@28+65", "@103+4", "msg@116+0"]
        );
        assert_eq!(fields(&bytes)[3].end(), bytes.len());
    }

    #[test]
    fn what_is_cut_off_or_none_has_the_fields_before_it() {
        let bytes = metadata(&[("Agent", b"bob"), ("c", b"12345")]);
        assert_eq!(texts(&bytes[..bytes.len() - 1]), ["Agent@11+3"]);
        assert!(texts(b"").is_empty() && texts(b"GET / HTTP/1.1").is_empty());
        let mut wrong = bytes;
        wrong[BEGIN.len() + 5..][..LENGTH].fill(0xff);
        assert!(texts(&wrong).is_empty());
    }

    #[test]
    fn a_field_reads_back_from_its_text() {
        let field = Field {
            tag: "a@b".to_owned(),
            start: 11,
            len: 3,
        };
        assert_eq!(field.to_string().parse(), Ok(field));
        for wrong in ["", "t", "t@", "t@1", "t@1+", "t@+2", "t@1+x"] {
            assert_eq!(wrong.parse::<Field>(), Err(NoField), "{wrong}");
        }
    }
}
