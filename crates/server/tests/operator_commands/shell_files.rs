//! `roomcast completions` and `roomcast man`.

use std::process::Command;

use crate::{folder, printed};

#[test]
fn completions_of_bash_are_valid_and_name_the_commands() {
    let folder = folder();
    let script = printed(folder.path(), &[("PORT", "nonsense")], &["completions", "bash"]);
    let file = folder.path().join("roomcast.bash");
    std::fs::write(&file, script).unwrap();
    let complete = "source \"$0\"; COMP_WORDS=(roomcast back); COMP_CWORD=1; _roomcast roomcast back roomcast; echo \"${COMPREPLY[*]}\"";
    let output = Command::new("bash").args(["--norc", "-c", complete]).arg(&file).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "backup\n", "{}", String::from_utf8_lossy(&output.stderr));
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        assert!(printed(folder.path(), &[], &["completions", shell]).contains("checktoken"), "{shell}");
    }
}

#[test]
fn man_writes_a_page_for_each_command() {
    let folder = folder();
    let page = printed(folder.path(), &[], &["man"]);
    assert!(page.contains(".TH roomcast 1"), "{page}");
    printed(folder.path(), &[], &["man", "--out", "man/man1"]);
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path().join("man/man1")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    for name in ["roomcast.1", "roomcast-backup.1", "roomcast-checktoken.1", "roomcast-serve.1"] {
        assert!(names.iter().any(|found| found == name), "{names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("reference") || name.contains("help")), "{names:?}");
    let backup = std::fs::read_to_string(folder.path().join("man/man1/roomcast-backup.1")).unwrap();
    assert!(backup.contains("Copy the database of a running or stopped server to a file"), "{backup}");
}
