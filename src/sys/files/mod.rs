//! Files and folders. Every error says the verb and the path.

mod append;
mod beneath;
mod error;
mod lock;
mod read;
mod space;
mod write;

pub use append::{AppendFile, SyncHandle};
pub use beneath::{Beneath, FileMark, Modes, is_temporary};
pub use error::FileError;
pub(crate) use error::failed;
pub use lock::{take, try_share, try_take};
pub use read::{
    FileHash, absolute, exists, group, hash_tree, is_file, is_folder, link_target, list, mode, modified,
    open, owner, owner_name, read_limited, read_tail, read_text, sha256_of, sha256_of_file, size, walk,
};
pub use space::{Space, allocate, disk_space, is_network_fs};
pub use write::{
    copy, create_new, fsync_file, fsync_folder, make_folders, open_append, open_or_create, overwrite,
    remove_file, remove_tree, rename, save_atomic, set_mode, symlink, sync_filesystem, temporary_folder,
    write,
};
