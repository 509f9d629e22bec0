---------------------------- MODULE Numbers ----------------------------
(* What happens to a table's numbers under its lock: a number that is being
   opened while somebody duplicates onto it, and a copy of the table while
   somebody closes a number.

     1  opener: reserve: number 0 is taken, and nothing is there
     2  duper: dup_to(1, 0): number 0 has object 1 too
     3  opener: install, which takes no lock: number 0 has object 2, and the
        reference to object 1 is in no entry any more

   Fix: "busy"            dup_to refuses a number that is reserved
        "overwrite"       it does not
        "fork"            a copy of the table has a reference of its own to
                          each object
        "fork_uncounted"  it has not

   Code: impl/graceref/src/table/mod.rs, entries.rs, reserved.rs *)
EXTENDS Integers, FiniteSets

CONSTANT Fix

ASSUME Fix \in {"busy", "overwrite", "fork", "fork_uncounted"}

Null == 0
\* A count that was put once too often leaks its object.
Saturated == 99

Forks == Fix \in {"fork", "fork_uncounted"}
Slots == IF Forks THEN {1} ELSE 1..2

Openers == IF Forks THEN {} ELSE {"opener"}
Dupers  == IF Forks THEN {} ELSE {"duper"}
Closers == IF Forks THEN {"closer"} ELSE {}
Forkers == IF Forks THEN {"forker"} ELSE {}

(*
--algorithm Numbers {
variables
  \* Beside the entry's, or the opener's, there is one of the caller's, which stays.
  count = [s \in Slots |-> IF Forks THEN 1 ELSE 2];
  entry = [n \in 0..1 |-> IF (n = 0) = Forks THEN 1 ELSE Null];
  taken = IF Forks THEN {0} ELSE {1};
  lock  = FALSE;
  child = Null;                         \* number 0 of the copy
  handles = 2;                          \* on the pool: the table's and the maker's
  free  = [tag |-> 0, first |-> Null];
  next  = [s \in Slots |-> Null];
  \* ghosts
  released = 0;                         \* how often object 1 was

macro take_lock() {
  await ~lock;
  lock := TRUE;
}

fair process (opener \in Openers)
{
open_reserve_lock:
  take_lock();
  taken := taken \cup {0};
open_reserve_unlock:
  lock := FALSE;
  if (entry[0] # Null) { goto open_put };   \* it was taken: no number is left
open_install_store:
  entry[0] := 2;
  goto Done;
open_put:
  count[2] := count[2] - 1;
}

fair process (duper \in Dupers)
variables old = Null;
{
dup_dup2_lock:
  take_lock();
dup_dup2_load:
  skip;
dup_dup2_look:
  old := entry[0];
  if (old = Null /\ 0 \in taken /\ Fix = "busy") { goto dup_dup2_unlock };
dup_dup2_get:
  count[1] := count[1] + 1;
dup_dup2_store:
  entry[0] := 1;
  taken    := taken \cup {0};
dup_dup2_unlock:
  lock := FALSE;
  if (old = Null) { goto Done };
dup_put:
  count[old] := count[old] - 1;
}

fair process (closer \in Closers)
variables chead = Null; ctag = 0;
{
clo_close_lock:
  take_lock();
clo_close_load:
  skip;
clo_close_clear:
  entry[0] := Null;
  taken    := {};
clo_close_unlock:
  lock := FALSE;
clo_put:
  count[1] := count[1] - 1;
  if (count[1] < 0) { goto clo_saturate }
  else { if (count[1] # 0) { goto Done } };
clo_release:
  released := released + 1;
clo_free_head:
  chead := free.first;
  ctag  := free.tag;
clo_free_next:
  next[1] := chead;
clo_free_push:
  if (free = [tag |-> ctag, first |-> chead]) { free := [tag |-> ctag, first |-> 1]; goto Done }
  else { goto clo_free_head };
clo_saturate:
  count[1] := Saturated;
}

fair process (forker \in Forkers)
variables fhead = Null; ftag = 0;
{
frk_fork_handle_get:                    \* the copy keeps the pool
  handles := handles + 1;
frk_fork_lock:
  take_lock();
  if (0 \notin taken) { goto frk_fork_unlock };
frk_fork_load:
  if (Fix = "fork_uncounted") { goto frk_fork_unlock };
frk_fork_get:
  count[1] := count[1] + 1;
frk_fork_unlock:
  lock  := FALSE;
  child := entry[0];
frk_child_users:
  skip;
frk_child_load:
  if (child = Null) { goto frk_bye_exit };
frk_child_use:
  skip;
frk_bye_exit:
  if (child = Null) { goto Done };
frk_bye_put:
  count[1] := count[1] - 1;
  if (count[1] < 0) { goto frk_bye_saturate }
  else { if (count[1] # 0) { goto Done } };
frk_bye_release:
  released := released + 1;
frk_bye_free_head:
  fhead := free.first;
  ftag  := free.tag;
frk_bye_free_next:
  next[1] := fhead;
frk_bye_free_push:
  if (free = [tag |-> ftag, first |-> fhead]) { free := [tag |-> ftag, first |-> 1]; goto Done }
  else { goto frk_bye_free_head };
frk_bye_saturate:
  count[1] := Saturated;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == Openers \cup Dupers \cup Closers \cup Forkers

TypeOK ==
  /\ count \in [Slots -> -1..3 \cup {Saturated}]
  /\ DOMAIN entry = 0..1 /\ \A n \in 0..1 : entry[n] \in Slots \cup {Null}
  /\ taken \subseteq 0..1 /\ lock \in BOOLEAN /\ child \in {Null, 1} /\ handles \in 2..3
  /\ free.first \in Slots \cup {Null} /\ \A s \in Slots : next[s] \in Slots \cup {Null}
  /\ released \in 0..2

\* Threads with a reference of their own to what is in the slot, or that are about to put it where it belongs.
Holders(s) ==
  {t \in Threads :
    \/ s = 2 /\ t \in Openers /\ pc[t] # "Done"
    \/ s = 1 /\ pc[t] = "dup_dup2_store"
    \/ t \in Dupers /\ s = old[t] /\ (pc[t] = "dup_put" \/ pc[t] = "dup_dup2_unlock")
    \/ pc[t] \in {"clo_close_unlock", "clo_put"}
    \/ pc[t] = "frk_fork_unlock" /\ 0 \in taken
    \/ child = 1 /\ pc[t] \in {"frk_child_users", "frk_child_load", "frk_child_use", "frk_bye_exit", "frk_bye_put"}}

\* Every reference is counted, and nothing else is.
CountIsRefs ==
  \A s \in Slots :
    count[s] = (IF Forks THEN 0 ELSE 1) + Cardinality({n \in 0..1 : entry[n] = s}) + Cardinality(Holders(s))

ReleasedOnce == released <= 1

NoUseAfterFree == \A t \in Forkers : pc[t] = "frk_child_use" => released = 0

\* Where something is found, the number is taken.
FoundIsTaken == \A n \in 0..1 : entry[n] # Null => n \in taken

\* A number that is reserved has nothing under it until its own install.
ReservedIsEmpty == \A t \in Openers : pc[t] = "open_install_store" => entry[0] = Null

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => /\ ~lock
       /\ Forks => count[1] = 0 /\ released = 1 /\ free.first = 1
       /\ ~Forks => \A s \in Slots : count[s] = 1 + Cardinality({n \in 0..1 : entry[n] = s})

\* Witnesses: these must fail.
NeverBusy    == \A t \in Dupers : pc[t] = "dup_dup2_unlock" => entry[0] # Null
NeverReplaced == \A t \in Dupers : pc[t] # "dup_put"
NeverCopied  == child = Null
\* The copy keeps the object although the table it was made from has closed it.
NeverOutlives == \A t \in Forkers : ~(pc[t] = "frk_child_use" /\ pc["closer"] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {[s \in Slots |-> n] : n \in {0, 1, 9}}
  /\ entry' \in {[n \in 0..1 |-> s] : s \in {Null, 1}}
  /\ taken' \in {{}, {0}} /\ released' \in {0, 2}
  /\ UNCHANGED <<pc, lock, child, handles, free, next, old, chead, ctag, fhead, ftag>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
