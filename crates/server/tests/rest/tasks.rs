//! A household's tasks.

use domain::command::Actor;
use domain::ids::{RoomId, RoomKind, UserId};
use domain::tasks::CreateTask;
use serde_json::{Value, json};

use crate::support::{Server, THEN, household, id, user, with};

async fn task(server: &Server, household: &Value) -> Value {
    let made = server.client("alice").post(&format!("/households/{}/tasks", id(household)), json!({ "title": "Dishes" })).await;
    server.event_names().await;
    made.expect(201)
}

#[tokio::test]
async fn a_task_is_created_with_all_fields_or_only_a_title() {
    let server = Server::start();
    let home = household(&server).await;
    let (alice, path) = (server.client("alice"), format!("/households/{}/tasks", id(&home)));
    let asked = json!({ "title": "Dishes", "description": "All of them", "category": "kitchen", "dueDate": "2025-12-31",
        "assignedTo": ["bob", "alice"] });
    let whole = alice.post(&path, asked).await.expect(201);
    assert_eq!(id(&whole).len(), 16);
    assert_eq!(
        whole,
        json!({ "id": id(&whole), "householdId": id(&home), "title": "Dishes", "description": "All of them", "category": "kitchen",
            "dueDate": "2025-12-31", "completed": false, "completedAt": null, "assignedTo": [user("bob"), user("alice")],
            "createdBy": "alice", "createdAt": THEN, "updatedAt": THEN })
    );
    assert_eq!(server.event_names().await, [format!("household:{} task_created", id(&home))]);

    let bare = server.client("bob").post(&path, json!({ "title": "x", "description": null, "assignedTo": null })).await.expect(201);
    let nothing = json!({ "id": id(&bare), "title": "x", "description": null, "category": null, "dueDate": null, "assignedTo": [],
        "createdBy": "bob" });
    assert_eq!(bare, with(whole.clone(), nothing));

    assert_eq!(alice.get(&path).await.expect(200), json!([bare, whole]));
    assert_eq!(alice.get(&format!("{path}?limit=1&before={}", id(&bare))).await.expect(200), json!([whole]));
    assert_eq!(alice.get(&format!("/tasks/{}", id(&whole))).await.expect(200), whole);
    alice.get(&format!("{path}?before=x")).await.expect_invalid("before", "must be the id of an entry of this list");
}

#[tokio::test]
async fn a_posted_task_may_contain_read_only_fields() {
    let server = Server::start();
    let home = household(&server).await;
    let (alice, path) = (server.client("alice"), format!("/households/{}/tasks", id(&home)));
    let first = alice.post(&path, json!({ "title": "Dishes", "category": "kitchen", "assignedTo": ["bob"] })).await.expect(201);
    let copy = alice.post(&path, first.clone()).await;
    assert!(copy.header("warning").is_empty());
    let copy = copy.expect(201);
    assert_eq!(copy, with(first.clone(), json!({ "id": id(&copy) })));
    assert_ne!(id(&copy), id(&first));

    // The server ignores read-only fields, and unknown fields of a front end.
    let own = json!({ "completed": true, "createdBy": "eve", "color": "red", "isSelected": false, "due_date": "2025-12-31", "Title": "y",
        "descripton": "x", "nö\"\n": 1 });
    let response = alice.post(&path, with(copy, own)).await;
    let warnings: Vec<_> = response.headers.get_all("warning").iter().map(|value| value.to_str().unwrap().to_owned()).collect();
    let warning = |name: &str, meant: &str| format!("299 roomcast \"{name} is not a field of this request; was {meant} meant?\"");
    assert_eq!(warnings, [warning("Title", "title"), warning("descripton", "description"), warning("due_date", "dueDate")]);
    let made = response.expect(201);
    assert_eq!((&made["completed"], &made["createdBy"], &made["dueDate"]), (&json!(false), &json!("alice"), &json!(null)));

    // Known fields are still checked, and at most ten misspelt ones are named.
    alice.post(&path, json!({ "titel": "x" })).await.expect_invalid("title", "is required (and titel is not a field)");
    alice
        .post(&path, json!({ "title": "x", "assignedTo": 5 }))
        .await
        .expect_invalid("assignedTo", "must be a list of ids of 1 to 200 bytes, each as text or number");
    let many: serde_json::Map<_, _> = (0..100).map(|n| (format!("title{}", char::from_u32(0x4e00 + n).unwrap()), json!(1))).collect();
    let response = alice.post(&path, with(json!({ "title": "x" }), many.into())).await;
    assert_eq!(response.headers.get_all("warning").iter().count(), 10);
    assert!(response.header("warning").starts_with(r#"299 roomcast "title\\u{4e00} is not"#), "{}", response.header("warning"));
}

#[tokio::test]
async fn a_put_changes_the_given_fields_and_null_clears_one() {
    let server = Server::start();
    let home = household(&server).await;
    let made = task(&server, &home).await;
    let (bob, path) = (server.client("bob"), format!("/tasks/{}", id(&made)));
    let room = format!("household:{}", id(&home));

    let changed = with(made, json!({ "description": "All", "dueDate": "2025-12-31T18:00:00Z", "assignedTo": [user("bob")] }));
    let change = json!({ "description": "All", "dueDate": "2025-12-31T18:00:00Z", "assignedTo": ["bob"] });
    assert_eq!(bob.put(&path, change).await.expect(200), changed);
    assert_eq!(server.event_names().await, [format!("{room} task_updated")]);
    let cleared = with(changed, json!({ "description": null, "title": "Plates" }));
    assert_eq!(bob.put(&path, json!({ "description": null, "title": "Plates" })).await.expect(200), cleared);
    assert_eq!(server.event_names().await, [format!("{room} task_updated")]);

    // A front end sends the object that it received, with the changes of its user.
    let done = with(cleared.clone(), json!({ "completed": true, "completedAt": THEN }));
    assert_eq!(bob.put(&path, with(cleared.clone(), json!({ "completed": true }))).await.expect(200), done);
    assert_eq!(server.event_names().await, [format!("{room} task_updated")]);
    // An update without a change is broadcast, too.
    assert_eq!(bob.put(&path, done.clone()).await.expect(200), done);
    assert_eq!(server.event_names().await, [format!("{room} task_updated")]);

    bob.put(&path, json!({ "title": null })).await.expect_invalid("title", "must be text");
    bob.put(&path, json!({ "completed": "yes" })).await.expect_invalid("completed", "must be true or false");
    assert_eq!(server.event_names().await, [""; 0]);
}

#[tokio::test]
async fn a_task_is_completed_and_reopened() {
    let server = Server::start();
    let home = household(&server).await;
    let made = task(&server, &home).await;
    let path = format!("/tasks/{}/toggle", id(&made));
    let done = with(made.clone(), json!({ "completed": true, "completedAt": THEN }));
    assert_eq!(server.client("bob").patch(&path).await.expect(200), done);
    assert_eq!(server.client("bob").patch(&path).await.expect(200), made);
    assert_eq!(server.event_names().await, vec![format!("household:{} task_toggled", id(&home)); 2]);
}

#[tokio::test]
async fn a_task_is_assigned_and_unassigned() {
    let server = Server::start();
    let home = household(&server).await;
    let made = task(&server, &home).await;
    let (alice, path) = (server.client("alice"), format!("/tasks/{}/assign", id(&made)));
    let room = format!("household:{}", id(&home));

    let assigned = with(made.clone(), json!({ "assignedTo": [user("bob")] }));
    assert_eq!(alice.post(&path, json!({ "userId": "bob" })).await.expect(200), assigned);
    assert_eq!(alice.post(&path, json!({ "userId": "bob" })).await.expect(200), assigned);
    assert_eq!(server.event_names().await, [format!("{room} task_assigned")], "once");
    alice.post(&path, json!({ "userId": "dave" })).await.expect_invalid("userId", "must be members of the household; dave is not");
    alice.post(&path, json!({ "userId": "carol" })).await.expect_invalid("userId", "must be members of the household; carol is not");

    assert_eq!(alice.delete(&format!("{path}/bob")).await.expect(200), made);
    assert_eq!(alice.delete(&format!("{path}/bob")).await.expect(200), made);
    assert_eq!(server.event_names().await, [format!("{room} task_unassigned")], "once");
}

#[tokio::test]
async fn a_task_is_deleted_once() {
    let server = Server::start();
    let home = household(&server).await;
    let made = task(&server, &home).await;
    let (bob, path) = (server.client("bob"), format!("/tasks/{}", id(&made)));
    assert_eq!(bob.delete(&path).await.expect(200), json!({ "taskId": id(&made), "householdId": id(&home) }));
    assert_eq!(server.event_names().await, [format!("household:{} task_deleted", id(&home))]);
    bob.delete(&path).await.expect_error(404, "not_found", "Task not found");
    bob.get(&path).await.expect_error(404, "not_found", "Task not found");
}

#[tokio::test]
async fn a_project_task_is_not_found_in_this_contract() {
    let server = Server::start();
    let alice = server.client("alice");
    let project = alice.post("/api/v1/projects", json!({ "name": "Apollo" })).await.expect(201);
    let room: RoomId = RoomKind::Project.room(&project["id"]);
    let command = CreateTask::new(room.clone(), "Launch".into());
    let actor = Actor { user: UserId::new("alice"), admin: false };
    let path = format!("/tasks/{}", server.run(actor, command).await.id);
    server.event_names().await;
    // The response does not reveal whether the project is archived, either.
    for archived in [false, true] {
        for response in [
            alice.get(&path).await,
            alice.put(&path, json!({ "title": "Land" })).await,
            alice.patch(&format!("{path}/toggle")).await,
            alice.post(&format!("{path}/assign"), json!({ "userId": "alice" })).await,
            alice.delete(&path).await,
        ] {
            response.expect_error(404, "not_found", "Task not found");
        }
        assert_eq!(server.event_names().await, [""; 0], "archived: {archived}");
        alice.post(&format!("/api/v1/projects/{}/archive", project["id"]), json!(null)).await.expect(200);
        server.event_names().await;
    }
}
