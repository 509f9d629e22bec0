---------------------------- MODULE EpList ----------------------------
(* The list of files whose paths an EPOLL_CTL_ADD has to check, and the file
   that is closed while it is on it.

   What is listed is the head of the file's items. Whoever removes the last
   item leaves a listed head to the one who unlists it, and that one takes the
   f_lock of the first item's file to decide which of them frees the head:

     1  EPOLL_CTL_ADD: rcu_read_lock, the first item on the head's list
     2  close(file): removes the item; __fput; the slot is another file's
     3  EPOLL_CTL_ADD: takes f_lock, of the other file   (mended by 8b7e8245e229)

   It was right while struct files were freed by RCU (before 6.7).

   Fix: "unpinned"  a head is listed as it is
        "pinned"    with a reference to its file, by inc-not-zero (2026)
   FileRcu: struct files are freed after a grace period, not type-stable

   Tasks: "add" is in EPOLL_CTL_ADD and lists a file that it finds in a nested
   epoll, "close" closes that file. Whoever drops the last reference runs
   __fput. Whoever reads under RCU has its own lock (rcu) meanwhile.

   Code: impl/lifetimes/src/ep_list.rs, impl/lifetimes/src/counts/atomic_long.rs *)
EXTENDS Integers

CONSTANTS Fix, FileRcu

ASSUME Fix \in {"unpinned", "pinned"}
ASSUME FileRcu \in BOOLEAN

(*
--algorithm EpList {
variables
  f_count  = 1;
  f_ep     = TRUE;                      \* file->f_ep is the head
  f_lock   = FALSE;                     \* file->f_lock
  link     = TRUE;                      \* the item is on the head's list
  listed   = FALSE;                     \* head->next: the head is on the check list
  rbr      = TRUE;                      \* the item is in the nested epoll's tree
  mtx      = FALSE;                     \* the nested epoll's
  rcu      = FALSE;                     \* the adder is inside
  file     = 1;                         \* whose the slot of the struct file is
  \* ghosts
  released = 0;
  heads    = 0;                         \* how often the head was freed
  uaf      = FALSE;                     \* the head was used after that
  strange  = FALSE;                     \* somebody touched the slot, and it was another file's

macro touch_file() {
  strange := strange \/ file # 1;
}

macro touch_head() {
  uaf := uaf \/ heads > 0;
}

fair process (task \in {"add", "close"})
variables seen = 0; mine = FALSE;
{
fd:                                     \* the system call finds its descriptor
  if (self = "close") { goto put };
add_mtx:                                \* ep_loop_check_proc, of the nested epoll
  await ~mtx;
  mtx := TRUE;
  if (~rbr) { goto add_mtx_unlock }
  else { if (Fix = "unpinned") { goto list_link } };
list_get_load:                          \* list_file
  seen := f_count;
  touch_file();
  if (seen = 0) { goto add_mtx_unlock };
list_get_cas:
  if (f_count = seen) { f_count := seen + 1 } else { goto list_get_load };
list_link:
  listed := TRUE;
  mine   := TRUE;
  touch_head();
add_mtx_unlock:
  mtx := FALSE;
  if (~mine) { goto Done };
rcu_lock:                               \* clear_tfile_check_list
  await ~rcu;
  rcu := TRUE;
unlist_first:                           \* unlist_file: hlist_first_rcu
  mine := ~link;
  touch_head();
  if (mine) { goto head_free };
unlist_lock:
  await ~f_lock;
  f_lock := TRUE;
  mine   := ~link;
  listed := FALSE;
  touch_file();
  touch_head();
unlist_unlock:
  f_lock := FALSE;
  touch_file();
  if (~mine) { goto rcu_unlock };
head_free:                              \* free_ephemeral
  heads := heads + 1;
  if (self = "close" \/ ~rcu) { goto erase };
rcu_unlock:
  rcu := FALSE;
  if (Fix = "unpinned") { goto Done };
put:
  f_count := f_count - 1;
  if (f_count # 0) { goto Done };
fast_path:                              \* __fput: eventpoll_release
  touch_file();
mtx_lock:                               \* eventpoll_release_file
  await ~mtx;
  mtx := TRUE;
lock:
  await ~f_lock;
  f_lock := TRUE;
  touch_file();
clear:                                  \* the last item: f_ep; and the head, if it is not listed
  f_ep := FALSE;
  mine := ~listed;
  touch_head();
unlink:
  link := FALSE;
  touch_head();
unlock:
  f_lock := FALSE;
  touch_file();
  if (mine) { goto head_free };
erase:
  rbr := FALSE;
mtx_unlock:
  mtx := FALSE;
release:
  released := released + 1;
  if (FileRcu) { goto rcu_wait };
free:                                   \* file_free; alloc_empty_file takes the slot: spin_lock_init
  file    := 2;
  strange := strange \/ f_lock;
  goto Done;
rcu_wait:                               \* call_rcu(file_free_rcu), later
  await ~rcu;
  rcu := TRUE;
rcu_over:
  rcu := FALSE;
rcu_free:
  file    := 2;
  strange := strange \/ f_lock;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
TypeOK ==
  /\ f_count \in 0..2 /\ f_ep \in BOOLEAN /\ f_lock \in BOOLEAN /\ link \in BOOLEAN /\ listed \in BOOLEAN
  /\ rbr \in BOOLEAN /\ mtx \in BOOLEAN /\ rcu \in BOOLEAN /\ file \in 1..2
  /\ released \in 0..2 /\ heads \in 0..2 /\ uaf \in BOOLEAN /\ strange \in BOOLEAN

\* Whoever comes to a struct file through its item comes to the file that the item is of.
SameFile == ~strange

\* The head is freed by the one who unlists it, or by the one who takes its last item off.
FreedOnce == heads <= 1

NoUseAfterFree == ~uaf

\* What is listed with a reference has not been released.
ListedIsHeld == pc["add"] \in {"rcu_lock", "unlist_first", "unlist_lock", "unlist_unlock"} => released = 0

NothingLeft ==
  (\A t \in {"add", "close"} : pc[t] = "Done")
    => /\ f_count = 0 /\ released = 1 /\ file = 2 /\ heads = 1
       /\ ~f_ep /\ ~link /\ ~rbr /\ ~mtx /\ ~rcu /\ ~f_lock

\* Baits and witnesses: these must fail.
NeverListed  == ~listed
NeverByAdder == ~(pc["add"] = "release")
NeverLeft    == ~(pc["add"] = "head_free" /\ released > 0)

\* Liveness.
Released == <>(released > 0)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ f_count' \in {f_count, 99} /\ released' \in {released, 1} /\ heads' \in {heads, 2}
  /\ uaf' \in BOOLEAN /\ strange' \in BOOLEAN
  /\ UNCHANGED <<pc, f_ep, f_lock, link, listed, rbr, mtx, rcu, file, seen, mine>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
