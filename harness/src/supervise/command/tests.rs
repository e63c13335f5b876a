use std::os::unix::fs::OpenOptionsExt;

use super::*;

fn file(folder: &Path, name: &str, mode: u32, text: &str) -> PathBuf {
    use std::io::Write;
    let path = folder.join(name);
    let mut options = fs::OpenOptions::new();
    options.create_new(true).write(true).mode(mode);
    options
        .open(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    path
}

fn find(command: &Path) -> Result<Program, CommandError> {
    Program::find(command.as_os_str(), None)
}

#[test]
fn a_shell_is_found_in_path_and_takes_a_library() {
    let path = OsStr::new("/nowhere:/usr/bin:/bin");
    let program = Program::find(OsStr::new("sh"), Some(path)).unwrap();
    assert!(program.path.ends_with("sh"));
    assert!(program.needed.iter().any(|name| name.starts_with("libc.")));
}

#[test]
fn a_script_is_as_good_as_its_interpreter() {
    let folder = tempfile::tempdir().unwrap();
    let good = file(folder.path(), "good", 0o755, "#! /bin/sh -e\nexit 0\n");
    assert!(find(&good).is_ok());
    let bad = file(folder.path(), "bad", 0o755, "#!/no/such/thing\n");
    let refused = find(&bad).unwrap_err().to_string();
    assert!(
        refused.contains("`/no/such/thing` is not found"),
        "{refused}"
    );
}

#[test]
fn a_command_that_is_nowhere_is_told_as_such() {
    let refused = Program::find(OsStr::new("no-such-command-x"), Some(OsStr::new("/bin")));
    assert_eq!(
        refused.unwrap_err().to_string(),
        "`no-such-command-x` is not found: no such file in any folder of PATH"
    );
    let refused = find(Path::new("/no/such/command")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "`/no/such/command` is not found: no such file"
    );
}

#[test]
fn a_file_without_the_execute_bit_and_a_folder_are_not_executable() {
    let folder = tempfile::tempdir().unwrap();
    let plain = file(folder.path(), "plain", 0o644, "#!/bin/sh\n");
    for path in [plain.as_path(), folder.path()] {
        let refused = find(path).unwrap_err();
        assert!(
            matches!(refused, CommandError::NotExecutable { .. }),
            "{refused}"
        );
    }
}

#[test]
fn a_program_that_gains_privileges_is_refused_and_the_bits_alone_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "x", 0o755, "");
    let metadata = |mode| {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        fs::metadata(&path).unwrap()
    };
    let (user, group) = {
        let plain = metadata(0o755);
        (plain.uid(), plain.gid())
    };
    assert_eq!(gained(&metadata(0o755), user + 1, group + 1), None);
    assert_eq!(
        gained(&metadata(0o4755), user + 1, group),
        Some("set-user-id")
    );
    assert_eq!(gained(&metadata(0o4755), user, group), None);
    assert_eq!(
        gained(&metadata(0o2755), user, group + 1),
        Some("set-group-id")
    );
    assert_eq!(gained(&metadata(0o2755), user, group), None);
}
