//! Which cases were played, kept in the output folder, so that a hunt goes on where the one before it stopped.
//!
//! A text file: what it belongs to on its first line, then the key of one case a line. A line `drawn SEED CLASS COUNT` stands for the first
//! so many cases of a seed. It is only ever added to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use mock_ucx::schedule::FaultSpec;
use sha2::{Digest, Sha256};

use crate::files::read_at_most;
use crate::scenario::Scenario;
use crate::scenario::generate::Class;

/// Its name in the output folder.
pub const FILE_NAME: &str = "played.log";

/// How it begins; the number is that of this layout.
const MAGIC: &str = "mock-ucx played 2";

/// A longer file is not read: it would be that of some millions of cases, which no hunt here plays.
pub const BYTES_MAX: u64 = 64 << 20;

/// How a line begins that tells of drawn cases.
const DRAWN: &str = "drawn ";

/// Bytes of a key in hex digits.
const KEY_DIGITS: usize = 16;

/// How a hunt begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beginning {
    /// Nothing was there.
    New,
    /// It goes on behind so many cases.
    Continues(usize),
    /// What was there is of no use, for this reason.
    StartsOver(String),
}

/// The cases that were played.
#[derive(Debug, Default)]
struct Cases {
    /// Keys of those of a plan.
    played: BTreeSet<u64>,
    /// How many of those that are drawn, by seed and class.
    drawn: BTreeMap<(u64, String), usize>,
}

impl Cases {
    fn count(&self) -> usize {
        self.played.len() + self.drawn.values().sum::<usize>()
    }

    /// Takes in a line; nothing if it is none.
    fn read(&mut self, line: &str) -> Option<()> {
        let Some(drawn) = line.strip_prefix(DRAWN) else {
            let digits = Some(line).filter(|line| line.len() == KEY_DIGITS)?;
            self.played.insert(u64::from_str_radix(digits, 16).ok()?);
            return Some(());
        };
        let mut words = drawn.split(' ');
        let (seed, class, count) = (words.next()?, words.next()?, words.next()?);
        let key = (seed.parse().ok()?, class.to_owned());
        self.drawn.insert(key, count.parse().ok()?);
        words.next().is_none().then_some(())
    }
}

/// Keeps track of the cases that were played.
pub struct Journal {
    cases: Cases,
    path: PathBuf,
    file: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Journal {
    /// Opens that of a folder, or begins one for `identity`, which names the NIXL, this build, and what is judged.
    ///
    /// # Errors
    /// It can be neither read nor written.
    pub fn open(folder: &Path, identity: &str, fresh: bool) -> io::Result<(Journal, Beginning)> {
        let path = folder.join(FILE_NAME);
        let first_line = format!("{MAGIC} {identity}");
        let (cases, beginning) = match read(&path, &first_line)? {
            Found::Nothing => (Cases::default(), Beginning::New),
            _ if fresh => (Cases::default(), Beginning::New),
            Found::Useless(why) => (Cases::default(), Beginning::StartsOver(why)),
            Found::Played(cases) => {
                let count = cases.count();
                (cases, Beginning::Continues(count))
            }
        };
        let goes_on = matches!(beginning, Beginning::Continues(_));
        let file = match goes_on {
            true => append(&path)?,
            false => File::create(&path)?,
        };
        let mut journal = Journal {
            cases,
            path,
            file: BufWriter::new(file),
            failed: None,
        };
        if !goes_on {
            journal.put(&first_line);
        }
        Ok((journal, beginning))
    }

    /// Whether this case was played.
    pub fn has(&self, scenario: &Scenario, faults: &FaultSpec) -> bool {
        self.cases.played.contains(&key(scenario, faults))
    }

    /// This case was played.
    pub fn add(&mut self, scenario: &Scenario, faults: &FaultSpec) {
        let key = key(scenario, faults);
        if self.cases.played.insert(key) {
            self.put(&format!("{key:0KEY_DIGITS$x}"));
        }
    }

    /// How many cases of a seed were played, from the first one on.
    pub fn drawn(&self, seed: u64, class: Class) -> usize {
        let key = (seed, class.to_string());
        self.cases.drawn.get(&key).copied().unwrap_or_default()
    }

    /// So many were.
    pub fn drew(&mut self, seed: u64, class: Class, count: usize) {
        self.put(&format!("{DRAWN}{seed} {class} {count}"));
        self.cases.drawn.insert((seed, class.to_string()), count);
    }

    /// Writes all out; why that is not possible, if it is not.
    pub fn flush(&mut self) -> Option<String> {
        if let Err(error) = self.file.flush() {
            self.failed.get_or_insert(error);
        }
        let error = self.failed.as_ref()?;
        Some(format!(
            "cannot write to {}: {error}; a later hunt will play these cases again",
            self.path.display()
        ))
    }

    fn put(&mut self, line: &str) {
        if let Err(error) = writeln!(self.file, "{line}") {
            self.failed.get_or_insert(error);
        }
    }
}

/// The first 64 bits of a hash of what is played: among a million cases two are alike once in thirty million hunts.
fn key(scenario: &Scenario, faults: &FaultSpec) -> u64 {
    let digest = Sha256::digest(format!("{scenario}\n{faults}"));
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// Opens a journal to add to it, behind its last whole line.
fn append(path: &Path) -> io::Result<File> {
    let file = File::options().append(true).open(path)?;
    let text = std::fs::read(path)?;
    let whole = text.iter().rposition(|byte| *byte == b'\n');
    file.set_len(whole.map_or(0, |end| end as u64 + 1))?;
    Ok(file)
}

enum Found {
    Nothing,
    Played(Cases),
    Useless(String),
}

fn read(path: &Path, first_line: &str) -> io::Result<Found> {
    let text = match read_at_most(path, BYTES_MAX) {
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound => return Ok(Found::Nothing),
            io::ErrorKind::FileTooLarge => {
                let size = BYTES_MAX >> 20;
                return Ok(Found::Useless(format!("it is larger than {size} MiB")));
            }
            _ => return Err(error),
        },
        Ok(text) => text,
    };
    Ok(parse(&String::from_utf8_lossy(&text), first_line))
}

fn parse(text: &str, first_line: &str) -> Found {
    let mut lines = text.lines().enumerate();
    match lines.next() {
        None => return Found::Useless("it is empty".to_owned()),
        Some((_, first)) if first == first_line => {}
        Some((_, first)) if first.starts_with(MAGIC) => {
            let (was, is) = (&first[MAGIC.len()..], &first_line[MAGIC.len()..]);
            return Found::Useless(format!("it is of{was}, and this is{is}"));
        }
        Some((_, first)) if first.starts_with("mock-ucx played ") => {
            return Found::Useless("another version of mock-ucx wrote it".to_owned());
        }
        Some(_) => return Found::Useless("no hunt wrote it".to_owned()),
    }
    let is_cut_off = !text.ends_with('\n');
    let last = text.lines().count() - 1;
    let mut cases = Cases::default();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        match cases.read(line) {
            Some(()) => {}
            // The process that wrote it was killed: that case is played again.
            None if is_cut_off && index == last => {}
            None => {
                return Found::Useless(format!("line {} of it is no case", index + 1));
            }
        }
    }
    Found::Played(cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(number: usize) -> Scenario {
        Scenario::parse(&format!("name s{number}\n")).unwrap()
    }

    fn begin(folder: &Path) -> (Journal, Beginning) {
        Journal::open(folder, "nixl=1.5.1 build=a", false).unwrap()
    }

    #[test]
    fn what_was_played_is_known_to_the_next_hunt() {
        let folder = tempfile::tempdir().unwrap();
        let none = FaultSpec::default();
        let (mut journal, beginning) = begin(folder.path());
        assert_eq!(beginning, Beginning::New);
        journal.add(&scenario(1), &none);
        journal.add(&scenario(2), &none);
        assert_eq!(journal.flush(), None);
        let (journal, beginning) = begin(folder.path());
        assert_eq!(beginning, Beginning::Continues(2));
        assert!(journal.has(&scenario(1), &none));
        assert!(!journal.has(&scenario(3), &none));
        assert!(!journal.has(&scenario(1), &"ucp_mem_map@1=NO_MEMORY".parse().unwrap()));
    }

    #[test]
    fn a_journal_that_was_cut_off_goes_on_without_its_last_line() {
        let folder = tempfile::tempdir().unwrap();
        let none = FaultSpec::default();
        let (mut journal, _) = begin(folder.path());
        journal.add(&scenario(1), &none);
        journal.add(&scenario(2), &none);
        drop(journal);
        let path = folder.path().join(FILE_NAME);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        let (mut journal, beginning) = begin(folder.path());
        assert_eq!(beginning, Beginning::Continues(1));
        journal.add(&scenario(3), &none);
        drop(journal);
        let (journal, _) = begin(folder.path());
        assert!(journal.has(&scenario(1), &none) && !journal.has(&scenario(2), &none));
        assert!(journal.has(&scenario(3), &none));
    }

    #[test]
    fn what_is_of_no_use_is_named_and_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        let why = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            match begin(folder.path()).1 {
                Beginning::StartsOver(why) => why,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(why(b""), "it is empty");
        assert_eq!(why(b"\xff\x00 rubbish\n"), "no hunt wrote it");
        assert_eq!(
            why(b"mock-ucx played 0 x\n"),
            "another version of mock-ucx wrote it"
        );
        assert_eq!(
            why(b"mock-ucx played 2 nixl=1.4.1 build=a\n"),
            "it is of nixl=1.4.1 build=a, and this is nixl=1.5.1 build=a"
        );
        assert_eq!(
            why(b"mock-ucx played 2 nixl=1.5.1 build=a\nrubbish\n0123456789abcdef\n"),
            "line 2 of it is no case"
        );
        File::create(&path).unwrap().set_len(BYTES_MAX + 1).unwrap();
        match begin(folder.path()).1 {
            Beginning::StartsOver(why) => assert_eq!(why, "it is larger than 64 MiB"),
            other => panic!("{other:?}"),
        }
        assert_eq!(begin(folder.path()).1, Beginning::Continues(0));
    }

    #[test]
    fn drawn_cases_are_known_by_seed_and_class_and_a_cut_off_line_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let (mut journal, _) = begin(folder.path());
        assert_eq!(journal.drawn(7, Class::Contract), 0);
        journal.drew(7, Class::Contract, 100);
        journal.drew(7, Class::Contract, 250);
        journal.drew(8, Class::Misuse, 3);
        drop(journal);
        let (journal, beginning) = begin(folder.path());
        assert_eq!(beginning, Beginning::Continues(253));
        assert_eq!(journal.drawn(7, Class::Contract), 250);
        assert_eq!(journal.drawn(7, Class::Misuse), 0);
        assert_eq!(journal.drawn(8, Class::Misuse), 3);
        drop(journal);
        let path = folder.path().join(FILE_NAME);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.trim_end().strip_suffix("misuse 3").unwrap()).unwrap();
        let (journal, _) = begin(folder.path());
        assert_eq!(journal.drawn(8, Class::Misuse), 0);
    }

    #[test]
    fn a_full_disk_is_told_and_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("full")).unwrap();
        let mut journal = Journal {
            cases: Cases::default(),
            path: folder.path().join("full"),
            file: BufWriter::new(File::options().write(true).open("/dev/full").unwrap()),
            failed: None,
        };
        journal.add(&scenario(1), &FaultSpec::default());
        assert!(journal.flush().unwrap().contains("No space left on device"));
        assert!(journal.has(&scenario(1), &FaultSpec::default()));
    }
}
