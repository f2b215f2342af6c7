//! The clients' names of the domain's input fields.

use domain::field::Field;

/// The names of a contract for the input fields.
pub type FieldNames = fn(Field) -> &'static str;

/// The names that most contracts share. A contract with other names has a function of its own, which falls back on this one.
pub fn shared_field_name(field: Field) -> &'static str {
    match field {
        Field::After => "after",
        Field::AssignedTo => "assignedTo",
        Field::Assignee => "assignee",
        Field::AvatarUrl => "avatarUrl",
        Field::BlockedUser => "user",
        Field::CallRoom => "roomId",
        Field::CallType => "callType",
        Field::Category => "category",
        Field::ClientId => "clientId",
        Field::Content => "content",
        Field::Data => "data",
        Field::Description => "description",
        Field::DueDate => "dueDate",
        Field::EndDate => "endDate",
        Field::EventName => "event",
        Field::Everyone => "everyone",
        Field::Except => "except",
        Field::FileUrl => "fileUrl",
        Field::IdempotencyKey => "Idempotency-Key",
        Field::InviteCode => "inviteCode",
        Field::Link => "link",
        Field::Members => "memberIds",
        Field::MessageRoom => "room",
        Field::MessageType | Field::NotificationType => "type",
        Field::Metadata => "metadata",
        Field::NewAssignee | Field::NotifiedUser => "userId",
        Field::NotificationText => "message",
        Field::Priority => "priority",
        Field::ProfileName | Field::SpaceName => "name",
        Field::ReadMessages => "messageIds",
        Field::ReadUpTo => "upTo",
        Field::StartDate => "startDate",
        Field::Status => "status",
        Field::Subject => "sub",
        Field::Target => "to",
        Field::Title => "title",
        Field::TripExtras => "changes",
        Field::Input(name) => name,
    }
}
