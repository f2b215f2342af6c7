//! The database work of a command, and the events that it stores, do not grow with the number of members of a space.

#![allow(clippy::unwrap_used)]

use domain::calls::InitiateCall;
use domain::chat::{EditMessage, GetConversationSummary, ListMessagesWithReadState, MarkRead, SendMessage};
use domain::command::{Actor, Command, CommandContext, Query};
use domain::error::DomainError;
use domain::event::{Account, Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::ports::{MemberPage, Page, Store};
use domain::sessions::{ConnectSession, NewSession, ResumeRequest};
use domain::spaces::{
    AddMember, ArchiveSpace, FilterVisible, GetSpace, JoinByInvite, JoinRoom, JoinRoomListingMembers, ListMemberIds, ListMembers,
    ListSpaces, RefreshInvite, RemoveMember, RenameSpace, Role, Space,
};
use domain::tasks::{CreateTask, ReassignTask};
use domain::trips::{AddTripMember, TripChanges, UpdateTrip};
use domain::users::{Claims, EnsureUser, GetUser, User};
use store::{Database, Options};
use tempfile::TempDir;

const T0: Timestamp = Timestamp(1_763_725_000_000_000);
const LARGE: u32 = 10_000;
const KINDS: [RoomKind; 5] = [RoomKind::Household, RoomKind::ChatRoom, RoomKind::Conversation, RoomKind::Project, RoomKind::Trip];

/// A database for each size, in which a space of each kind has that many members. Each command gets a copy.
struct Databases {
    folder: TempDir,
}

impl Databases {
    fn of(sizes: &[u32]) -> Self {
        let databases = Self { folder: tempfile::tempdir().unwrap() };
        for size in sizes {
            databases.open(&size.to_string()).with_store(|store| fill(store, *size)).unwrap();
        }
        databases
    }

    fn open(&self, name: &str) -> Database {
        Database::open(Options::new(format!("sqlite://{}", self.folder.path().join(name).display()))).unwrap()
    }

    /// The cost of a command or query in a space of this size.
    fn cost(&self, size: u32, actor: &str, work: &dyn Fn(&mut CommandContext<'_>) -> Result<(), DomainError>) -> Cost {
        std::fs::copy(self.folder.path().join(size.to_string()), self.folder.path().join("copy")).unwrap();
        let actor = Actor { user: UserId::new(actor), admin: false };
        let (persisted_events, steps) = self
            .open("copy")
            .with_counted_store(|store| {
                let mut ids = IdGenerator::new(|| 42);
                let mut context = CommandContext::new(store, &actor, Timestamp(T0.0 + 60_000_000), &mut ids);
                work(&mut context).unwrap();
                context.into_events()
            })
            .unwrap();
        std::fs::remove_file(self.folder.path().join("copy")).unwrap();
        let bytes = persisted_events.iter().map(|persisted| without_count(&persisted.body)).sum();
        Cost { steps, persisted_events: persisted_events.len(), bytes, reach: persisted_events.iter().map(PersistedEvent::reach).sum() }
    }
}

#[derive(PartialEq, Eq, Debug)]
struct Cost {
    steps: u64,
    persisted_events: usize,
    bytes: usize,
    reach: usize,
}

/// The length of an event in bytes without the digits of the count of members.
fn without_count(body: &str) -> usize {
    let Some((before, after)) = body.split_once("\"member_count\":") else { return body.len() };
    before.len() + after.trim_start_matches(|c: char| c.is_ascii_digit()).len()
}

fn member(number: u32) -> String {
    format!("member-{number:06}")
}

fn fill(store: &mut dyn Store, size: u32) {
    for name in ["anna".to_owned(), "new".to_owned()].into_iter().chain((1..size).map(member)) {
        let email = Some(format!("{name}@example.com"));
        store.insert_user(&User { username: name.clone(), email, ..User::unseen(UserId::new(name), T0) }).unwrap();
    }
    for room in KINDS.map(|kind| kind.room(1)).into_iter().chain([RoomKind::Channel.room(2)]) {
        let parent = (room.kind() == RoomKind::Channel).then(|| RoomKind::Project.room(1));
        let space = Space {
            room: room.clone(),
            name: "Large".to_owned(),
            parent,
            invite_code: (room.kind() == RoomKind::Household).then(|| "ABCD2345".to_owned()),
            created_by: UserId::new("anna"),
            created_at: T0,
            updated_at: T0,
            archived_at: None,
            member_count: 0,
            members: Vec::new(),
        };
        store.insert_space(&space).unwrap();
        if room.kind() == RoomKind::Channel {
            continue;
        }
        store.put_member(&room, &UserId::new("anna"), Role::Admin, T0).unwrap();
        for number in 1..size {
            store.put_member(&room, &UserId::new(member(number)), Role::Member, T0).unwrap();
        }
        // These members are at the end of the list, so a search from its beginning finds them last.
        for number in size - 3..size {
            store.put_block(&UserId::new(member(number)), &UserId::new("anna"), T0).unwrap();
            store.put_acted(&room, &UserId::new(member(number))).unwrap();
        }
        // Each member has read a message.
        if room.kind() == RoomKind::Conversation {
            for number in 1..size {
                store.advance_read_marker(&room, &UserId::new(member(number)), i64::from(number)).unwrap();
            }
        }
    }
}

fn run<C: Command>(command: C) -> impl FnOnce(&mut CommandContext<'_>) -> Result<(), DomainError> {
    |context| command.execute(context).map(drop)
}

fn ask<Q: Query>(query: Q) -> impl FnOnce(&mut CommandContext<'_>) -> Result<(), DomainError> {
    |context| query.execute(context.store, context.actor).map(drop)
}

fn send(room: RoomId, content: &str) -> SendMessage {
    SendMessage { room, content: content.to_owned(), sort: None, file_url: None, metadata: None, client_id: None }
}

type Work = Box<dyn Fn(&mut CommandContext<'_>) -> Result<(), DomainError>>;

/// Runs each command of a table in a small space and in a large one, and compares the costs.
fn check(databases: &Databases, small: u32, table: Vec<(&str, &str, Work)>) {
    for (what, actor, work) in table {
        let (in_small, in_large) = (databases.cost(small, actor, &work), databases.cost(LARGE, actor, &work));
        assert_eq!(in_small, in_large, "{what} in a space of {small} and of {LARGE}");
    }
}

fn claims(household: &str) -> Claims {
    Claims { household: Some(household.to_owned()), issued_at: Some(T0), ..Claims::default() }
}

#[test]
fn cost_of_a_command_is_independent_of_the_space_size() {
    let databases = Databases::of(&[10, 150, 600, LARGE]);
    let (household, conversation, project, channel) =
        (RoomKind::Household.room(1), RoomKind::Conversation.room(1), RoomKind::Project.room(1), RoomKind::Channel.room(2));
    let any_member = member(5);
    let any_member = any_member.as_str();
    let place = || Some(NewSession { secret: "secret".to_owned(), id: "id".to_owned(), namespace: "/".to_owned() });
    let enter = |room: RoomId| JoinRoom { room, session: Some("secret".to_owned()), since: true };

    // No answer and no event of these commands shows a member.
    let mut table: Vec<(&str, &str, Work)> = vec![
        ("a connect with a claim", any_member, Box::new(|context| run(EnsureUser { claims: claims("1") })(context))),
        ("a first connect with a claim", "new", Box::new(|context| run(EnsureUser { claims: claims("1") })(context))),
        (
            "a connect that may recover",
            any_member,
            Box::new(move |context| run(ConnectSession { claims: claims("1"), new_session: place(), resume: ResumeRequest::New })(context)),
        ),
        ("a profile of a co-member", any_member, Box::new(|context| ask(GetUser { user: UserId::new(member(7)) })(context))),
        (
            "whether a co-member is one",
            any_member,
            Box::new(|context| ask(FilterVisible { users: vec![UserId::new(member(7))], contacts_only: true })(context)),
        ),
    ];
    for room in KINDS.map(|kind| kind.room(1)).into_iter().chain([channel.clone()]) {
        let (entered, listed) = (room.clone(), room.clone());
        table.push(("a join", any_member, Box::new(move |context| run(enter(entered.clone()))(context))));
        if room.kind() != RoomKind::Channel {
            let page = MemberPage { limit: 5, after: Some(UserId::new(member(2))) };
            table.push((
                "a page of members",
                any_member,
                Box::new(move |context| ask(ListMembers { room: listed.clone(), page: page.clone() })(context)),
            ));
        }
    }
    for room in [RoomKind::ChatRoom.room(1), conversation.clone(), channel.clone()] {
        table.push(("a message", any_member, Box::new(move |context| run(send(room.clone(), "Hello"))(context))));
    }
    table.push((
        "a message that mentions a member",
        any_member,
        Box::new(move |context| {
            let sent = send(channel.clone(), "Hello @member-000003, hello @stranger").execute(context)?;
            run(EditMessage { of: RoomKind::Channel, message: sent.message.id, content: "Hello @member-000004".to_owned() })(context)
        }),
    ));
    let listed = conversation.clone();
    table.push((
        "a list of messages",
        any_member,
        Box::new(move |context| {
            send(listed.clone(), "Hello").execute(context)?;
            ask(ListMessagesWithReadState { room: listed.clone(), page: Page::new(None, None) })(context)
        }),
    ));
    table.push((
        "a task",
        any_member,
        Box::new(move |context| {
            let task = CreateTask::new(project.clone(), "Dishes".to_owned()).execute(context)?;
            for to in ["MEMBER-000003", "member-000004", "anna"] {
                ReassignTask { task: task.id, to: Some(to.to_owned()) }.execute(context)?;
            }
            Ok(())
        }),
    ));
    check(&databases, 10, table);

    // These answers and events show the first hundred members.
    let mut table: Vec<(&str, &str, Work)> = Vec::new();
    for kind in KINDS {
        let room = kind.room(1);
        let of = |work: fn(RoomId) -> Work| work(room.clone());
        table.push(("reading it", any_member, of(|room| Box::new(move |context| ask(GetSpace { room: room.clone() })(context)))));
        table.push((
            "an added member",
            any_member,
            of(|room| Box::new(move |context| run(AddMember { room: room.clone(), user: UserId::new("new") })(context))),
        ));
        table.push((
            "a member who leaves",
            any_member,
            of(|room| Box::new(move |context| run(RemoveMember { room: room.clone(), user: UserId::new(member(5)) })(context))),
        ));
        table.push((
            "a member who is removed",
            "anna",
            of(|room| Box::new(move |context| run(RemoveMember { room: room.clone(), user: UserId::new(member(5)) })(context))),
        ));
        table.push((
            "the last admin who leaves",
            "anna",
            of(|room| Box::new(move |context| run(RemoveMember { room: room.clone(), user: UserId::new("anna") })(context))),
        ));
        table.push((
            "another name",
            any_member,
            of(|room| Box::new(move |context| run(RenameSpace { room: room.clone(), name: Some("Other".to_owned()) })(context))),
        ));
    }
    table.push((
        "a list of spaces",
        any_member,
        Box::new(|context| ask(ListSpaces { kind: RoomKind::Household, page: Page::new(None, None) })(context)),
    ));
    let overview = conversation.clone();
    table.push(("an overview", any_member, Box::new(move |context| ask(GetConversationSummary { room: overview.clone() })(context))));
    let room = household.clone();
    table.push((
        "an invite code",
        "new",
        Box::new(move |context| run(JoinByInvite { room: room.clone(), code: "abcd2345".to_owned() })(context)),
    ));
    table.push(("another invite code", any_member, Box::new(move |context| run(RefreshInvite { room: household.clone() })(context))));
    table.push(("archiving", "anna", Box::new(|context| run(ArchiveSpace { room: RoomKind::Project.room(1), archived: true })(context))));
    let trip = RoomKind::Trip.room(1);
    let bring = AddTripMember { room: trip.clone(), user: UserId::new("new"), role: Some(Role::Admin) };
    table.push(("another role", "anna", Box::new(move |context| run(bring.clone())(context))));
    let update = UpdateTrip {
        room: trip,
        changes: TripChanges { name: Some("Rome".to_owned()), ..TripChanges::default() },
        more: serde_json::Map::new(),
    };
    table.push(("a change of a trip", any_member, Box::new(move |context| run(update.clone())(context))));
    check(&databases, 150, table);

    // These commands read a row of each member, or notify each, up to five hundred members.
    let room = RoomKind::ChatRoom.room(1);
    let enter = JoinRoomListingMembers { room: room.clone(), session: None, since: false, contacts_only: false };
    let among_contacts = JoinRoomListingMembers { contacts_only: true, ..enter.clone() };
    let (called, blocked) = (room.clone(), InitiateCall { room: room.clone(), sort: "VIDEO".to_owned() });
    let mut table: Vec<(&str, &str, Work)> = vec![
        ("a join that asks who is online", any_member, Box::new(move |context| run(enter.clone())(context))),
        ("who is online", any_member, Box::new(move |context| run(ListMemberIds { room: room.clone(), contacts_only: false })(context))),
        ("a join that asks which contacts are online", any_member, Box::new(move |context| run(among_contacts.clone())(context))),
        ("a call", any_member, Box::new(move |context| run(InitiateCall { room: called.clone(), sort: "AUDIO".to_owned() })(context))),
        ("a call of a caller with many blockers", "anna", Box::new(move |context| run(blocked.clone())(context))),
    ];
    let read = conversation;
    table.push((
        "reading",
        any_member,
        Box::new(move |context| {
            let sent = context
                .on_behalf_of(&Actor { user: UserId::new("anna"), admin: false }, |context| send(read.clone(), "Hello").execute(context))?;
            let read = MarkRead { room: read.clone(), messages: vec![sent.message.id], up_to: None };
            let event = read.execute(context)?;
            assert_eq!(event.messages, [sent.message.id]);
            Ok(())
        }),
    ));
    check(&databases, 600, table);
}

#[test]
fn cost_of_deleting_events_is_independent_of_gaps() {
    let steps = |rooms: u32| {
        let database = Database::open(Options::new("sqlite::memory:")).unwrap();
        let fill = |store: &mut dyn Store| {
            for second in 1..=3 {
                store.append(&RoomKind::Trip.room(1), Timestamp(second), Account(1), Event::NotificationsRead).unwrap();
            }
            for room in 0..rooms {
                store.put_gap(&room.to_string(), 99).unwrap();
            }
        };
        database.with_store(fill).unwrap();
        database.with_counted_store(|store| store.delete_events_before(Timestamp(3), 9).unwrap()).unwrap()
    };
    let few = steps(10);
    assert_eq!((few.0, steps(1_000)), (2, few));
}
