# What Mail::Wire::Mailbox makes of mbox and MMDF files, read whole, by the byte and at random splits, and across the ends of blocks.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use Mail::Wire;
use Mail::Wire::Sink;
use MailboxTest;

my $date = 'Mon Jan  1 00:00:00 2020';
my $from = "From a\@x $date\n";
my $mark = "\1\1\1\1\n";

# A message's sender and date are a@x and $date, if it is a text alone. Names that end in a format's are of that.
my @cases = (
    [ 'nothing',                  mbox => '' ],
    [ 'blank lines',              mbox => "\n\r\n\n" ],
    [ 'one message',              mbox => "${from}A: b\n\nc\n\n", "A: b\n\nc\n" ],
    [ 'blank lines in front',     mbox => "\n\n${from}A: b\n\nc\n", "A: b\n\nc\n" ],
    [ 'two',                      mbox => "${from}A: b\n\nc\n\n${from}D: e\n\nf\n\n", "A: b\n\nc\n", "D: e\n\nf\n" ],
    [ 'no blank line between',    mbox => "${from}A: b\n\nc\n${from}D: e\n\nf\n", "A: b\n\nc\n", "D: e\n\nf\n" ],
    [ 'more blank lines',         mbox => "${from}A: b\n\nc\n\n\n\n${from}D: e\n\n\n\n", "A: b\n\nc\n\n\n", "D: e\n\n\n" ],
    [ 'no last newline',          mbox => "${from}A: b\n\nc", "A: b\n\nc" ],
    [ 'a From_ line at the end',  mbox => "${from}A: b\n\nc\n\nFrom a\@x $date", "A: b\n\nc\n", '' ],
    [ 'empty messages',           mbox => "$from\n$from$from", '', '', '' ],
    [ 'CRLF',                     mbox => "From a\@x $date\r\nA: b\r\n\r\nc\r\n\r\nFrom a\@x $date\r\nD: e\r\n\r\n", "A: b\r\n\r\nc\r\n", "D: e\r\n" ],
    [ 'mixed line ends',          mbox => "${from}A: b\r\n\r\nc\n\r\n${from}D: e\n\nf\r\n\n", "A: b\r\n\r\nc\n", "D: e\n\nf\r\n" ],
    [ 'CR alone',                 mbox => "${from}A: b\n\nc\r\r${from}d\n", "A: b\n\nc\r\r${from}d\n" ],
    [ 'NUL and high octets',      mbox => "${from}A: b\0\n\n\0\xff\n\n${from}\0\n", "A: b\0\n\n\0\xff\n", "\0\n" ],
    [ 'From_ look-alikes',        mbox => "${from}A: b\n\nFrom here on\nFrom a\@x\nFrom $date x\nFrom: a\@x $date\nfrom a\@x $date\n From a\@x $date\n\nFrom\n\nFrom \n",
        "A: b\n\nFrom here on\nFrom a\@x\nFrom $date x\nFrom: a\@x $date\nfrom a\@x $date\n From a\@x $date\n\nFrom\n\nFrom \n" ],
    [ 'a date that goes on',      mbox => "${from}A: b\n\nFrom a\@x $date, we read\n", "A: b\n\nFrom a\@x $date, we read\n" ],
    [ 'two words for an address', mbox => "${from}A: b\n\nFrom you and $date\n", "A: b\n\nFrom you and $date\n" ],
    [ 'a very long line',         mbox => "${from}A: b\n\nFrom a\@" . 'x' x 5000 . " $date\n", "A: b\n\nFrom a\@" . 'x' x 5000 . " $date\n" ],
    [ 'a From_ line behind one',  mbox => "${from}A: b\n\n" . 'y' x 5000 . "\n${from}d\n", "A: b\n\n" . 'y' x 5000 . "\n", "d\n" ],
    [ '>From as it is',           mbox => "${from}A: b\n\n>From x\n>>From y\n", "A: b\n\n>From x\n>>From y\n" ],
    [ '>From as it is, mboxo',    mboxo => "${from}A: b\n\n>From x\n>>From y\n", "A: b\n\n>From x\n>>From y\n" ],
    [ '>From, mboxrd',            mboxrd => "${from}A: b\n\n>From x\n>>From y\n >From z\nx>From w\n>from\n>>Fromage\n\n>From $date\n",
        "A: b\n\nFrom x\n>From y\n >From z\nx>From w\n>from\n>>Fromage\n\nFrom $date\n" ],
    [ '>From first and last',     mboxrd => "$from>From x\n\n>>>From ", "From x\n\n>>From " ],
    [ 'many >',                   mboxrd => "$from\n" . '>' x 3000 . "From x\n", "\n" . '>' x 2999 . "From x\n" ],
    [ 'no >From',                 mboxrd => "${from}A: b\n\n>Fro\n>>\n>F", "A: b\n\n>Fro\n>>\n>F" ],
    [ 'the length of all',        mboxcl2 => "${from}Content-Length: 4\n\nabc\n\n${from}A: b\n\n", "Content-Length: 4\n\nabc\n", "A: b\n" ],
    [ 'From_ lines within it',    mboxcl2 => "${from}content-length : " . length($from) . "\r\n\n$from\n${from}A: b\n", "content-length : " . length($from) . "\r\n\n$from", "A: b\n" ],
    [ 'blank lines within it',    mboxcl => "${from}Content-Length: 5\n\nabc\n\n\n${from}A: b\n", "Content-Length: 5\n\nabc\n\n", "A: b\n" ],
    [ 'no newline at its end',    mboxcl => "${from}Content-Length: 3\n\nabc\n${from}A: b\n", "Content-Length: 3\n\nabc", "A: b\n" ],
    [ 'no blank line behind it',  mboxcl => "${from}Content-Length: 4\n\nabc\n${from}A: b\n", "Content-Length: 4\n\nabc\n", "A: b\n" ],
    [ 'up to the end',            mboxcl => "${from}Content-Length: 4\n\nabc\n", "Content-Length: 4\n\nabc\n" ],
    [ 'up to the end, no newline', mboxcl => "${from}Content-Length: 3\n\nabc", "Content-Length: 3\n\nabc" ],
    [ 'up to the blank line',     mboxcl => "${from}Content-Length: 4\r\n\r\nabc\n\r\n", "Content-Length: 4\r\n\r\nabc\n" ],
    [ 'a length of 0',            mboxcl => "${from}Content-Length: 0\n\n\n${from}A: b\n", "Content-Length: 0\n\n", "A: b\n" ],
    [ 'too short',                mboxcl => "${from}Content-Length: 2\n\nabc\n\n${from}A: b\n", "Content-Length: 2\n\nabc\n", "A: b\n" ],
    [ 'too long',                 mboxcl => "${from}Content-Length: 7\n\nabc\n\n${from}A: b\n", "Content-Length: 7\n\nabc\n", "A: b\n" ],
    [ 'longer than the file',     mboxcl => "${from}Content-Length: 999999999999\n\nabc\n\n${from}A: b\n", "Content-Length: 999999999999\n\nabc\n", "A: b\n" ],
    [ 'a length beyond numbers',  mboxcl => "${from}Content-Length: 99999999999999999999\n\nabc\n", "Content-Length: 99999999999999999999\n\nabc\n" ],
    [ 'no number',                mboxcl => "${from}Content-Length: -4\n\nabc\n", "Content-Length: -4\n\nabc\n" ],
    [ 'a length in the text',     mboxcl => "${from}A: b\n\nContent-Length: 1\n\nabc\n\n${from}A: b\n", "A: b\n\nContent-Length: 1\n\nabc\n", "A: b\n" ],
    [ 'it hides nothing',         mbox => "${from}Content-Length: " . (length($from) + 9) . "\n\nabc\n${from}A: b\n${from}D: e\n",
        "Content-Length: " . (length($from) + 9) . "\n\nabc\n", "A: b\n", "D: e\n" ],
    [ 'MMDF',                     mmdf => "${mark}A: b\n\nc\n$mark${mark}D: e\n\n$mark", [ undef, undef, "A: b\n\nc\n" ], [ undef, undef, "D: e\n\n" ] ],
    [ 'MMDF with a From_ line',   mmdf => "$mark${from}A: b\n\n$from\n$mark\n\n$mark$from$mark", "A: b\n\n$from\n", '' ],
    [ 'MMDF with CRLF',           mmdf => "\1\1\1\1\r\nA: b\r\n\1\1\1\1\r\n", [ undef, undef, "A: b\r\n" ] ],
    [ 'MMDF look-alikes',         mmdf => "${mark}A: b\n\n\1\1\1\n\1\1\1\1\1\n \1\1\1\1\n\1\1\1\1x\n\1\1\1\1\rx\n${mark}", [ undef, undef, "A: b\n\n\1\1\1\n\1\1\1\1\1\n \1\1\1\1\n\1\1\1\1x\n\1\1\1\1\rx\n" ] ],
    [ 'MMDF, the last mark open', mmdf => "${mark}A: b\n\1\1\1\1", [ undef, undef, "A: b\n" ] ],
    [ 'MMDF, empty',              mmdf => '' ],
);

# A message in front: so much is read before it is known what kind it is.
my %filler = (mbox => $from . 'x' x 4999 . "\n\n", mmdf => $mark . 'x' x 4999 . "\n$mark");

sub expected { return [ map { ref $_ ? $_ : [ 'a@x', $date, $_ ] } @_ ] }

srand 1;
for my $case (@cases) {
    my ($name, $format, $octets, @messages) = @$case;
    my $expected = expected(@messages);
    my $path = write_file('box', $octets);
    is_deeply(texts($path, Format => $format), $expected, "$name: a file");
    is_deeply(texts($path), $expected, "$name: seen by itself") if $format =~ /\A(?:mbox|mmdf)\z/ and length $octets or $name eq 'nothing';
    for my $size (1, 2, 3, 7, 0, 0, 100_000) {
        my $got = texts(trickle($filler{ $format eq 'mmdf' ? 'mmdf' : 'mbox' } . $octets, $size), Format => $format);
        like((shift @$got)->[2], qr{\Ax{4999}\s+\z}, "$name: $size at a time");
        is_deeply($got, $expected, '... what is in it');
    }
    is_deeply(texts(trickle($octets, 1)), $expected, "$name: seen by itself, an octet at a time") if $format =~ /\A(?:mbox|mmdf)\z/ and @messages;
}

# ---- the ends of blocks: everything in one file, moved by a byte

my @all = map { [ $_->[2], @$_[ 3 .. $#$_ ] ] } grep { $_->[1] =~ /\Ambox(?:rd)?\z/ and @$_ > 3 and $_->[0] !~ /as it is/ } @cases;
my $octets = join '', map { $_->[0] =~ /\n\z/ ? "$_->[0]\n" : "$_->[0]\n\n" } @all;
my $whole = texts(trickle($octets, 100_000), Format => 'mboxrd');
is(scalar @$whole, scalar(map { @$_[ 1 .. $#$_ ] } @all), 'all in one');
for my $before (map { (1 << 18) - $_ } 0 .. 40, map { int rand length $octets } 1 .. 30) {
    my $head = 'x' x ($before - length($from) - 2);
    my $got = texts(write_file('box', "$from$head\n\n$octets"), Format => 'mboxrd');
    my $first = shift @$got;
    ok($first->[2] eq "$head\n", "a first message, $before octets");
    is_deeply($got, $whole, '... and the others');
}

# ---- > across the ends of blocks

for my $before (map { (1 << 16) - $_ } 0 .. 12) {
    my $head = 'x' x ($before - 1) . "\n";
    my $got = texts(write_file('box', "$from$head>>>From y\nx>From z\n"), Format => 'mboxrd');
    ok($got->[0][2] eq "$head>>From y\nx>From z\n", "a > is taken off, $before octets from the beginning");
    $got = texts(write_file('box', "$from$head>>>from y\nx>From z\n"), Format => 'mboxrd');
    ok($got->[0][2] eq "$head>>>from y\nx>From z\n", '... and none is');
}

# ---- From_ lines

my %line = (
    "From a\@x $date"                                  => [ 'a@x', $date ],
    "From  a\@x  $date"                                => [ 'a@x', $date ],
    'From a@x Mon Jan 01 00:00:00 2020'               => [ 'a@x', 'Mon Jan 01 00:00:00 2020' ],
    'From a@x Mon Jan  1 00:00 2020'                  => [ 'a@x', 'Mon Jan  1 00:00 2020' ],
    'From a@x Mon Jan  1 00:00:00 CET 2020'           => [ 'a@x', 'Mon Jan  1 00:00:00 CET 2020' ],
    'From a@x Mon Jan  1 00:00:00 MET DST 2020'       => [ 'a@x', 'Mon Jan  1 00:00:00 MET DST 2020' ],
    'From a@x Mon Jan  1 00:00:00 2020 +0100'         => [ 'a@x', 'Mon Jan  1 00:00:00 2020 +0100' ],
    'From a@x Mon, 1 Jan 2020 00:00:00 +0100 (CET)'   => [ 'a@x', 'Mon, 1 Jan 2020 00:00:00 +0100 (CET)' ],
    'From a@x 1 Jan 20 00:00:00'                      => [ 'a@x', '1 Jan 20 00:00:00' ],
    "From a\@x $date remote from uucp"                 => [ 'a@x', $date ],
    "From a $date"                                     => [ 'a', $date ],
    "From \"a b\"\@x $date"                            => [ '"a b"@x', $date ],
    "From <a\@x> $date"                                => [ 'a@x', $date ],
    "From <> $date"                                    => [ '', $date ],
    "From MAILER-DAEMON $date"                         => [ '', $date ],
    "From - $date"                                     => [ undef, $date ],
    'From 1234567890123456789@xxx Mon Jan 01 00:00:00 +0000 2020' => [ '1234567890123456789@xxx', 'Mon Jan 01 00:00:00 +0000 2020' ],
);
for my $line (sort keys %line) {
    is_deeply(texts(write_file('box', "$line\nA: b\n")), [ [ @{ $line{$line} }, "A: b\n" ] ], $line);
}
for my $line ('From', 'From ', 'From a@x', "From $date", 'From a@x yesterday', "From a\@x b\@x $date", "From a\@x ${date}x", "From: a\@x $date", ">From a\@x $date") {
    like(texts(write_file('box', "$line\nA: b\n"), Format => 'mbox')->[0], qr{/box, offset 0: a From_ line is due}, "none: $line");
}

# ---- what a message says of itself

my ($messages) = messages_of(write_file('Old.mbox', "From - $date\nReturn-Path: <r\@x>\nSubject: one\n two\r\n\tthree\nReceived: a\nreceived:b\nX-Empty:\nSubject-Not: n\n\nSubject: body\n\n"
    . "From 1\@xxx $date\nX-Gmail-Labels: Inbox,=?UTF-8?Q?K=C3=A4se?=,\"a, \\\"b\\\"\"\n\nx\n"), Format => 'takeout');
my ($first, $second) = @$messages;
is($first->sender, 'r@x', 'where the From_ line has no sender the Return-Path is');
is($first->header('Subject'), "one two\tthree", 'a header field, unfolded');
is_deeply([ $first->header('RECEIVED') ], [ 'a', 'b' ], '... several');
is_deeply([ $first->header('X-Empty'), $first->header('X-None') ], [''], '... an empty one, and none');
is($first->head, substr($first->as_string, 0, $first->length - length "Subject: body\n"), 'the header');
is_deeply([ $first->labels ], [], 'no labels');
is_deeply([ $second->labels ], [ 'Inbox', "K\xe4se", 'a, "b"' ], 'labels');
is($second->sender, undef, "Takeout's senders are none");
like($first->path, qr{/Old\.mbox\z}, 'path');
is($first->folder, 'Old', 'folder');
is_deeply([ map { $_->offset } $first, $second ], [ length("From - $date\n"), length("From - $date\nFrom 1\@xxx $date\n") + $first->length + 1 ], 'offsets');

# ---- what cannot be read

for my $case (
    [ 'MMDF without an end',   [ Format => 'mmdf' ],   "${mark}A: b\n",          qr{/box, offset 5: the message has no line of four} ],
    [ 'MMDF with other lines', [ Format => 'mmdf' ],   "${mark}A: b\n${mark}x\n", qr{/box, offset 15: a line of four characters} ],
    [ 'no mailbox',            [],                     "some text\n",            qr{/box is no mailbox} ],
    [ 'no format',             [ Format => 'mbux' ],   $from,                    qr/\AMail::Wire::Mailbox: no format 'mbux', they are eml maildir/ ],
    [ 'no option',             [ Formats => 'mbox' ],  $from,                    qr/\AMail::Wire::Mailbox: unknown option Formats/ ],
    [ 'an odd one',            ['Format'],             $from,                    qr/\Ausage: / ],
) {
    my ($name, $options, $box, $wanted) = @$case;
    my $path = write_file('box', $box);
    my $died = (messages_of($path, @$options))[1];
    like($died, $wanted, "croaks: $name");
    like($died, qr{ at t/lib/MailboxTest\.pm line \d+\.?\n\z}, '... and names the line');
}
like((messages_of('/nowhere/box'))[1], qr{\Acannot read /nowhere/box: }, 'croaks: no file');
{
    my $path = write_file('box', "${from}A: b\n\n${from}D: e\n");
    utime 1, 1, $path or die $!;
    my $mailbox = Mail::Wire::Mailbox->new($path);
    my $message = $mailbox->next;
    open my $fh, '>>', $path or die $!;
    print {$fh} "more\n";
    close $fh or die $!;
    ok(!eval { $message->content; 1 }, 'a file that was written to');
    like($@, qr{/box, offset \d+: the file was written to}, '... says so');
    ok(!eval { 1 while $mailbox->next; 1 }, '... also when it is read on');
    like($@, qr{the file was written to}, '... says so');
    is($mailbox->next, undef, '... and that was it');
}

{
    my $path = write_file('box', $from . "line\n" x 200_000);
    my $mailbox = Mail::Wire::Mailbox->new($path);
    truncate $path, 300_000 or die $!;
    is(eval { $mailbox->next }, undef, 'a file that is cut while it is read: no message');
    like($@, qr{/box, offset \d+: the file has become shorter}, '... says so');
}

# A handle that fails behind a message and a half.
for my $says (-1, undef, 'what?') {
    my $whole = "A: b\n\n" . 'c' x 5000 . "\n";
    my $octets = "$from$whole\n${from}D: e\n\nhalf";
    my $fh = trickle($octets, 100_000);
    (tied *$fh)->{says} = [$says];
    my ($got, $died) = messages_of($fh, Format => 'mbox');
    my $at = length $octets;
    like($died, qr/\Athe handle, offset $at: cannot read it: .+ at t/, 'a handle that says ' . (defined $says ? $says : 'undef') . ': an error');
    is_deeply([ map { $_->as_string } @$got ], [$whole], '... and no message that is cut');
}

# ---- delivered

my $large = join '', map { sprintf "%07d line\n", $_ } 1 .. 20_000;
my @sent = ("A: b\n\n.dot\n", "A: b\n\n>From x\n", "$large>From x\n", $large, ">From a\@x $date\n");
for my $protocol ('lmtp', 'qmtp') {
    for my $format ('mbox', 'mboxrd') {
        my @expected = map { my $text = $_; $text =~ s/^>From /From /mg if $format eq 'mboxrd'; $text =~ s/\n/\r\n/g if $protocol eq 'lmtp'; $text } @sent;
        my $box = join '', map {"$from$_\n"} @sent;
        for my $place (write_file('box', $box), trickle($box, 5000)) {
            my $sink = Mail::Wire::Sink->new(protocol => $protocol);
            my $client = Mail::Wire->connect($sink->url) or die $@;
            my $mailbox = Mail::Wire::Mailbox->new($place, Format => $format);
            while (my $message = $mailbox->next) { $client->submit(From => $message->sender, To => ['b@x'], $message->content) }
            ok($client->finish && !grep({ !$_->is_success } map { $client->collect } @sent), "$protocol, $format: delivered");
            is_deeply([ map { $_->{data} } $sink->messages ], \@expected, '... as they were');
        }
    }
}

done_testing;
