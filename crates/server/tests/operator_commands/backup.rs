//! `roomcast backup` and `roomcast restore`. `e2e/operations/backup.test.js` has a running server.

use serde_json::Value;

use crate::{error, folder, printed};

#[test]
fn backup_and_restore_print_their_files_as_text_and_as_json() {
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    drop(store::Database::open(store::Options::new(format!("sqlite://{}", path("data/roomcast.db").display()))).unwrap());
    let text = printed(folder.path(), &[], &["backup", "a.db"]);
    assert!(text.starts_with("a.db: ") && text.contains("events up to the offset 0\n"), "{text}");
    std::fs::create_dir(path("copies")).unwrap();
    let done: Value = serde_json::from_str(&printed(folder.path(), &[], &["backup", "copies", "--json"])).unwrap();
    let file = done["file"].as_str().unwrap();
    assert!(file.starts_with("copies/roomcast-20") && file.ends_with("Z.db"), "{file}");
    assert_eq!(done["bytes"].as_u64().unwrap(), std::fs::metadata(path(file)).unwrap().len());

    let line = error(folder.path(), &[], &["restore", "a.db"]);
    assert!(line.starts_with("data/roomcast.db: a database is there already; restore with --replace"), "{line}");
    let text = printed(folder.path(), &[], &["restore", "a.db", "--replace"]);
    assert!(text.contains("is now data/roomcast.db.before-restore-20"), "{text}");
    let to = [("DATABASE_URL", "sqlite://new/b.db")];
    let done: Value = serde_json::from_str(&printed(folder.path(), &to, &["restore", "a.db", "--json"])).unwrap();
    assert_eq!((done["file"].as_str(), done["replaced"].is_null()), (Some("new/b.db"), true));
}

#[test]
fn backup_of_another_database_names_its_tool() {
    let folder = folder();
    let postgres = [("DATABASE_URL", "postgres://ann:s3cret@db/roomcast")];
    for (command, tool) in [("backup", "pg_dump"), ("restore", "pg_restore")] {
        let line = error(folder.path(), &postgres, &[command, "a.db"]);
        assert!(line.starts_with("DATABASE_URL names PostgreSQL, which has tools of its own: ") && line.contains(tool), "{line}");
        assert!(!line.contains("s3cret"), "{line}");
    }
    let line = error(folder.path(), &[("DATABASE_URL", "sqlite::memory:")], &["backup", "a.db"]);
    assert!(line.contains("is deleted with its process"), "{line}");
}
