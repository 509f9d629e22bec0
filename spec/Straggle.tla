---------------------------- MODULE Straggle ----------------------------
(* A put that straggles: with a dead-zone count the last put is two steps,
   and between them another thread may revive the count, drop it, and see the
   pool's memory freed.

     1  owner: put, the count is NoRef; about to kill it
     2  lookup: get, NoRef + 1: a valid reference
     3  lookup: put, kill, release; the slot goes back
     4  lookup: drops the last handle: the memory is freed
     5  owner: its compare-exchange touches freed memory

   So whoever revives from NoRef notes that a put is going to straggle (owe),
   and the put whose kill fails says when it is done with the slot (settle).
   The sum of both and of the slots that are out must be nought before the
   memory goes. Until the last handle is dropped, Open keeps it from that.

   Fix: "counted"    what the code does
        "forgotten"  nobody counts stragglers

   Code: impl/graceref/src/slots/close.rs, impl/graceref/src/reference.rs,
         impl/graceref/src/stash.rs *)
EXTENDS Integers, FiniteSets

CONSTANT Fix

ASSUME Fix \in {"counted", "forgotten"}

OneRef == 0
NoRef  == -1
Dead   == -8

Slot   == 1
Null   == 0
Closed == -1

Open == 8           \* the code's 2^63: more than all threads together take off

(*
--algorithm Straggle {
variables
  word     = OneRef;                    \* the slot's count
  first    = Null;                      \* the free list's head
  next     = Null;                      \* the slot's link
  leaving  = Open;
  handles  = 1;
  fresh    = FALSE;                     \* whether the run of slots never used is closed
  \* ghosts
  released = 0;
  freed    = 0;

macro settle() {
  leaving := leaving - 1;
  if (leaving = 0) { freed := freed + 1 };
}

\* Drops its reference.
fair process (owner \in {"owner"})
variables ohead = Null;
{
own_put:
  word := word - 1;
  if (word >= OneRef) { goto Done };
own_kill:
  if (word = NoRef) { word := Dead; goto own_release }
  else { if (Fix = "forgotten") { goto Done } };
own_settle:
  settle();
  goto Done;
own_release:
  released := released + 1;
own_free_head:
  ohead := first;
  if (ohead = Closed) { goto own_free_leave };
own_free_next:
  next := ohead;
own_free_push:
  if (first = ohead) { first := Slot; goto Done } else { goto own_free_head };
own_free_leave:
  settle();
}

\* Looks the object up through the stash, drops what it got, and then the stash, with the last handle.
fair process (lookup \in {"lookup"})
variables lhead = Null; found = 0;
{
look_stash_load:                        \* nobody clears this stash
  skip;
look_get:
  word := word + 1;
  if (word < OneRef) { goto close_put }
  else { if (word # OneRef \/ Fix = "forgotten") { goto look_stash_recheck } };
look_owe:
  leaving := leaving + 1;
look_stash_recheck:
  skip;
look_put:
  word := word - 1;
  if (word >= OneRef) { goto close_put };
look_kill:
  if (word = NoRef) { word := Dead; goto look_release }
  else { if (Fix = "forgotten") { goto close_put } };
look_settle:
  settle();
  goto close_put;
look_release:
  released := released + 1;
look_free_head:
  lhead := first;
look_free_next:
  next := lhead;
look_free_push:
  if (first = lhead) { first := Slot } else { goto look_free_head };
close_put:
  handles := handles - 1;
close_fresh:
  fresh := TRUE;
close_swap:
  if (first # Null) { found := 1 };
  first := Closed;
close_count:
  leaving := leaving + (1 - found) - Open;
  if (leaving = 0) { freed := freed + 1 };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"owner", "lookup"}

TypeOK ==
  /\ word \in -9..2
  /\ first \in {Null, Slot, Closed} /\ next \in {Null, Slot}
  /\ leaving \in -2..10 /\ handles \in 0..1 /\ fresh \in BOOLEAN /\ released \in 0..2 /\ freed \in 0..2

ReleasedOnce == released <= 1

FreedOnce == freed <= 1

\* Nobody is about to touch memory that is gone.
NoUseAfterFree == freed > 0 => \A t \in Threads : pc[t] = "Done"

NothingLeft == (\A t \in Threads : pc[t] = "Done") => released = 1 /\ freed = 1

\* Witnesses: these must fail.
NeverRevived == pc["lookup"] # "look_owe"
NeverSettled == pc["owner"] # "own_settle"

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ word' \in {NoRef, OneRef, 99} /\ released' \in {0, 2} /\ freed' \in {0, 2}
  /\ UNCHANGED <<pc, first, next, leaving, handles, fresh, ohead, lhead, found>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
