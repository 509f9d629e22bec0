---------------------------- MODULE Pool ----------------------------
(* The end of a pool: its last handle is dropped while references remain.

   Nobody counts objects. The handle's drop closes the run of slots never
   used, swaps a mark into the free list's head and counts the slots that
   were free; the others are still to come back. A release that finds the mark counts itself instead of going
   to the free list. Whoever brings the sum to zero frees the memory.

   Fix: "swap"        what the code does
        "load_store"  the mark is stored after a load of the head: a push in
                      between is lost, and the memory with it

   Code: impl/graceref/src/slots/close.rs,
         impl/graceref/src/slots/shared.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Holders

ASSUME Fix \in {"swap", "load_store"}
ASSUME Holders \subseteq {"holder", "holder2"} /\ Holders # {}

\* One slot, with an object to which each holder has a reference.
Slot   == 1
Null   == 0
Closed == -1

(*
--algorithm Pool {
variables
  count   = Cardinality(Holders);
  first   = Null;                       \* the free list's head
  next    = Null;                       \* the slot's link
  leaving = 0;                          \* after the mark: slots still to come back
  handles = 1;
  fresh   = FALSE;                      \* whether the run of slots never used is closed
  \* ghosts
  freed   = 0;

fair process (closer \in {"closer"})
variables found = 0;
{
close_put:
  handles := handles - 1;
close_fresh:
  fresh := TRUE;
close_swap:
  if (first # Null) { found := 1 };
  if (Fix = "swap") { first := Closed; goto close_count };
close_store:
  first := Closed;
close_count:
  leaving := leaving + (1 - found);
  if (leaving = 0) { freed := freed + 1 };
}

fair process (holder \in Holders)
variables head = Null;
{
hold_put:
  count := count - 1;
  if (count # 0) { goto Done };
hold_release:
  skip;
hold_free_head:
  head := first;
  if (head = Closed) { goto hold_free_leave };
hold_free_next:
  next := head;
hold_free_push:
  if (first = head) { first := Slot; goto Done } else { goto hold_free_head };
hold_free_leave:
  leaving := leaving - 1;
  if (leaving = 0) { freed := freed + 1 };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"closer"} \cup Holders

TypeOK ==
  /\ count \in 0..2 /\ first \in {Null, Slot, Closed} /\ next \in {Null, Slot}
  /\ leaving \in -1..1 /\ freed \in 0..2
  /\ handles \in 0..1 /\ fresh \in BOOLEAN

FreedOnce == freed <= 1

\* Nobody is about to touch memory that is gone.
NoUseAfterFree == freed > 0 => \A t \in Threads : pc[t] = "Done"

\* The memory goes when the last handle and the last reference are gone.
NothingLeft == (\A t \in Threads : pc[t] = "Done") => count = 0 /\ freed = 1

\* Witnesses: these must fail.
NeverLastRelease == \A t \in Holders : pc[t] = "hold_free_leave" => leaving = 0
NeverLastHandle  == ~(pc["closer"] = "close_count" /\ leaving < 0)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {0, 1, 9} /\ freed' \in {0, 1, 2}
  /\ UNCHANGED <<pc, first, next, leaving, handles, fresh, found, head>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
