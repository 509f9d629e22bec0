---------------------------- MODULE FreeList ----------------------------
(* The list of free slots that all threads share: two threads take slots
   from it, and give them back.

   A stack of links with the first slot in its head. Who takes one reads the
   head, reads the slot's link, and puts the link where the head was, if that
   is still the same. It may be the same again:

     1  one: the head is slot 1, and its link slot 2
     2  two: takes slot 1, takes slot 2, gives slot 1 back: it is the head
     3  one: the head is slot 1: takes it, and leaves slot 2 as the head
     4  two: has slot 2 still

   Or the list is longer by then, and what is behind the head is lost:

     1  one: the head is slot 2, and it is the last
     2  two: takes slot 2, gives slot 1 back, and slot 2 upon it
     3  one: the head is slot 2: takes it, and leaves an empty list

   So each pop changes a tag beside the head.

   What is taken is a place for an object that is not made. Its key is known
   before; so who gives it back unused says so in the slot's generation, and
   the next one has another key.

   Fix: "tag"      what the code does
        "no_tag"   the head is the first slot and no more
        "no_skip"  a slot that was not used keeps its generation

   Code: impl/graceref/src/slots/shared.rs, mod.rs, fresh.rs,
         impl/graceref/src/pool/vacant.rs, impl/graceref/src/count/word.rs *)
EXTENDS Integers, FiniteSets, Sequences

CONSTANTS Fix, Slots

ASSUME Fix \in {"tag", "no_tag", "no_skip"}
\* How many there are, all free at first.
ASSUME Slots \in 2..3

Null == 0

\* So many slots each takes, and then gives back in the same order.
Wanted(t) == IF t = "one" THEN 1 ELSE 2

(*
--algorithm FreeList {
variables
  free = [tag |-> 0, first |-> 1];
  next = [s \in 1..Slots |-> IF s = Slots THEN Null ELSE s + 1];        \* the slots' links
  gen  = [s \in 1..Slots |-> 1];        \* and generations: each has had an object
  \* ghosts
  mine = [t \in {"one", "two"} |-> <<>>];       \* the slots that a thread has
  keys = {};                            \* the keys that were given out

macro pop(s, to) {
  free := [tag |-> IF Fix = "no_tag" THEN 0 ELSE free.tag + 1, first |-> to];
  mine[self] := Append(mine[self], s);
  keys := keys \cup {<<s, gen[s] + 1>>};
}

macro push(s) {
  free.first := s;
  mine[self] := Tail(mine[self]);
}

fair process (thread \in {"one", "two"})
variables head = Null; tag = 0; after = Null;
{
take_alloc_head:
  head := free.first;
  tag  := free.tag;
  if (head # Null) { goto take_alloc_next };
take_alloc_fresh:                       \* all are used: the pool is full
  if (mine[self] = <<>>) { goto Done } else { goto give_skip };
take_alloc_next:
  after := next[head];
take_alloc_pop:
  if (free # [tag |-> tag, first |-> head]) { goto take_alloc_head }
  else {
    pop(head, after);
    if (Len(mine[self]) < Wanted(self)) { goto take_alloc_head }
  };
give_skip:
  if (Fix # "no_skip") { gen[Head(mine[self])] := gen[Head(mine[self])] + 1 };
give_free_head:
  head := free.first;
  tag  := free.tag;
give_free_next:
  next[Head(mine[self])] := head;
give_free_push:
  if (free # [tag |-> tag, first |-> head]) { goto give_free_head }
  else {
    push(Head(mine[self]));
    if (mine[self] # <<>>) { goto give_skip }
  };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"one", "two"}

\* The slots in the list, as far as it goes without coming back.
RECURSIVE Listed(_, _)
Listed(s, seen) == IF s = Null \/ s \in seen THEN seen ELSE Listed(next[s], seen \cup {s})

Free == Listed(free.first, {})

RECURSIVE Ends(_, _)
Ends(s, seen) == s = Null \/ (s \notin seen /\ Ends(next[s], seen \cup {s}))

Has(t) == {mine[t][i] : i \in DOMAIN mine[t]}

TypeOK ==
  /\ free.tag \in 0..3 /\ free.first \in 0..Slots /\ next \in [1..Slots -> 0..Slots]
  /\ gen \in [1..Slots -> 1..3]
  /\ \A t \in Threads : Len(mine[t]) <= Wanted(t) /\ Has(t) \subseteq 1..Slots
  /\ keys \subseteq (1..Slots) \X (2..4)

\* A slot is one thread's, or in the list, or in between.
NoSharedFree ==
  /\ \A t \in Threads : Cardinality(Has(t)) = Len(mine[t]) /\ Has(t) \cap Free = {}
  /\ Has("one") \cap Has("two") = {}

\* What is in the list, and what the threads have, is all there is.
NothingLost == Free \cup Has("one") \cup Has("two") = 1..Slots

\* Each pop gives a key that was given to nobody before.
NoAlias == Cardinality(keys) = free.tag

NothingLeft == (\A t \in Threads : pc[t] = "Done") => Free = 1..Slots /\ Ends(free.first, {})

\* Witnesses: these must fail.
NeverMoved == \A t \in Threads : pc[t] = "take_alloc_pop" => free.tag = tag[t]
NeverFull  == \A t \in Threads : pc[t] # "take_alloc_fresh"
NeverTwo   == Len(mine["two"]) < 2

\* Liveness.
BothEnd == <>(\A t \in Threads : pc[t] = "Done")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ gen' \in {gen, [s \in 1..Slots |-> 9]}
  /\ UNCHANGED <<pc, free, next, mine, keys, head, tag, after>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
