//! Tasks and their assignees.

use domain::ids::{EntityId, RoomId, Timestamp, UserId};
use domain::ports::{Page, StoreResult, TaskStore};
use domain::tasks::{Task, TaskStatus};
use domain::users::User;

use crate::driver::{Driver, Row, Tables, values};
use crate::users::user_at;

impl<D: Driver> TaskStore for Tables<D> {
    fn task(&mut self, id: EntityId) -> StoreResult<Option<Task>> {
        let sql = "SELECT t.id, t.room, t.title, t.description, t.category, t.due_date, t.completed, t.completed_at, t.created_at, t.updated_at, t.status,
                t.priority, t.created_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM tasks t LEFT JOIN people p ON p.id = t.created_by WHERE t.id = $1";
        let task = self.0.first(sql, values![id], bare_task)?;
        task.map(|task| self.with_assignees(task)).transpose()
    }

    fn insert_task(&mut self, task: &Task) -> StoreResult<()> {
        let sql = "INSERT INTO tasks
                (id, room, title, description, category, due_date, completed, completed_at, created_by, created_at, updated_at, status,
                priority)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
        let values = values![
            task.id,
            &task.room,
            &task.title,
            task.description.as_deref(),
            task.category.as_deref(),
            task.due_date.as_deref(),
            task.completed,
            task.completed_at,
            &task.created_by.id,
            task.created_at,
            task.updated_at,
            task.progress.as_ref().map(|progress| progress.status.as_str()),
            task.progress.as_ref().map(|progress| progress.priority.as_str())
        ];
        self.0.post(sql, values)
    }

    fn update_task(&mut self, task: &Task) -> StoreResult<()> {
        let sql = "UPDATE tasks SET title = $1, description = $2, category = $3, due_date = $4, completed = $5, completed_at = $6,
                updated_at = $7, status = $8, priority = $9 WHERE id = $10";
        let values = values![
            &task.title,
            task.description.as_deref(),
            task.category.as_deref(),
            task.due_date.as_deref(),
            task.completed,
            task.completed_at,
            task.updated_at,
            task.progress.as_ref().map(|progress| progress.status.as_str()),
            task.progress.as_ref().map(|progress| progress.priority.as_str()),
            task.id
        ];
        self.0.change_one(sql, values)
    }

    fn delete_task(&mut self, id: EntityId) -> StoreResult<()> {
        self.0.post("DELETE FROM assignments WHERE task = $1", values![id])?;
        self.0.post("DELETE FROM tasks WHERE id = $1", values![id])
    }

    fn tasks_in(&mut self, room: &RoomId, page: &Page) -> StoreResult<Vec<Task>> {
        let sql = "SELECT t.id, t.room, t.title, t.description, t.category, t.due_date, t.completed, t.completed_at, t.created_at, t.updated_at, t.status,
                t.priority, t.created_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM tasks t LEFT JOIN people p ON p.id = t.created_by WHERE t.room = $1 AND t.id < $2 ORDER BY t.id DESC LIMIT $3";
        let tasks = self.0.all(sql, values![room, page.before.unwrap_or(EntityId::MAX), page.limit], bare_task)?;
        tasks.into_iter().map(|task| self.with_assignees(task)).collect()
    }

    fn tasks_of(&mut self, user: &UserId, room: Option<&RoomId>, limit: u32) -> StoreResult<Vec<Task>> {
        let in_all = "SELECT t.id, t.room, t.title, t.description, t.category, t.due_date, t.completed, t.completed_at, t.created_at, t.updated_at, t.status,
                t.priority, t.created_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM assignments a JOIN tasks t ON t.id = a.task LEFT JOIN people p ON p.id = t.created_by
            WHERE a.person = $1 ORDER BY a.task LIMIT $2";
        let in_one = "SELECT t.id, t.room, t.title, t.description, t.category, t.due_date, t.completed, t.completed_at, t.created_at, t.updated_at, t.status,
                t.priority, t.created_by, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM assignments a JOIN tasks t ON t.id = a.task LEFT JOIN people p ON p.id = t.created_by
            WHERE a.person = $1 AND t.room = $2 ORDER BY a.task LIMIT $3";
        let tasks = match room {
            None => self.0.all(in_all, values![user, limit], bare_task),
            Some(room) => self.0.all(in_one, values![user, room, limit], bare_task),
        }?;
        tasks.into_iter().map(|task| self.with_assignees(task)).collect()
    }

    fn assign(&mut self, id: EntityId, user: &UserId, at: Timestamp) -> StoreResult<bool> {
        let sql = "INSERT INTO assignments (task, person, assigned_at, place)
            VALUES ($1, $2, $3, (SELECT COALESCE(MAX(place), 0) + 1 FROM assignments WHERE task = $1))
            ON CONFLICT (task, person) DO NOTHING";
        Ok(self.0.write(sql, values![id, user, at])? > 0)
    }

    fn unassign(&mut self, id: EntityId, user: &UserId) -> StoreResult<bool> {
        Ok(self.0.write("DELETE FROM assignments WHERE task = $1 AND person = $2", values![id, user])? > 0)
    }
}

impl<D: Driver> Tables<D> {
    fn with_assignees(&mut self, mut task: Task) -> StoreResult<Task> {
        let sql = "SELECT a.person, p.name, p.username, p.email, p.avatar_url, p.created_at, p.updated_at
            FROM assignments a LEFT JOIN people p ON p.id = a.person WHERE a.task = $1 ORDER BY a.place";
        let assigned_to: Vec<User> = self.0.all(sql, values![task.id], |row| user_at(row, 0))?;
        task.assigned_to = assigned_to;
        Ok(task)
    }
}

/// A task without its assignees, which a second query reads.
fn bare_task(row: &dyn Row) -> StoreResult<Task> {
    Ok(Task {
        id: row.int(0)?,
        room: row.room(1)?,
        title: row.text(2)?.to_owned(),
        description: row.owned_text(3)?,
        category: row.owned_text(4)?,
        due_date: row.owned_text(5)?,
        completed: row.int(6)? != 0,
        completed_at: row.maybe_int(7)?.map(Timestamp),
        assigned_to: Vec::new(),
        progress: progress_at(row, 10)?,
        created_by: user_at(row, 12)?,
        created_at: row.time(8)?,
        updated_at: row.time(9)?,
    })
}

fn progress_at(row: &dyn Row, column: usize) -> StoreResult<Option<TaskStatus>> {
    let (status, priority) = (row.owned_text(column)?, row.owned_text(column + 1)?);
    Ok(status.zip(priority).map(|(status, priority)| TaskStatus { status, priority }))
}
