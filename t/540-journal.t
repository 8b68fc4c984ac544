# The journal of an import: what it knows after any end of the process or the machine.

use strict;
use warnings;

use lib 't/lib';
use Errno ();
use File::Temp ();
use Fcntl ();
use IO::Handle ();
use Mail::Wire::Result;
use Test::More;

# The disk is not what is tested, but what is asked of it: what was synced, as "file" or "folder", and how it is to fail. Of @writes each is for
# a write: a number of bytes, more of which are not taken, or a name of Errno.
my (@writes, @syncs, @synced);
BEGIN {
    no warnings 'redefine';
    *CORE::GLOBAL::syswrite = sub (*$;$$) {
        my ($fh, $text, $length, $offset) = @_;
        my $how = shift @writes;
        return fails($how) if defined $how and $how !~ /\A[0-9]+\z/;
        return CORE::syswrite($fh, $text, defined $how && $how < $length ? $how : $length, $offset || 0);
    };
    *IO::Handle::sync = sub {
        push @synced, -d $_[0] ? 'folder' : 'file';
        my $how = shift @syncs;
        return defined $how ? fails($how) : '0 but true';
    };
}
use Mail::Wire::Journal;

sub fails { $! = Errno->can($_[0])->(); return }
sub words { local $! = Errno->can($_[0])->(); return "$!" }

my $folder = File::Temp->newdir;
my $count = 0;
my @to = ('ann@example.org', "b\tn%\n\@example.org");

subtest 'what is answered is known' => sub {
    my ($path, $journal) = fresh();
    my @messages = map { message($_) } 0 .. 4;
    is($journal->known($messages[0], $to[0]), '', 'nothing is known of a new one');
    $journal->begin(@messages);
    answer($journal, $messages[0], [ 250, 250 ]);
    answer($journal, $messages[1], [ 250, 450 ]);
    answer($journal, $messages[2], [ 550, '421?' ]);
    answer($journal, $messages[3], [250]);
    $journal->sync;
    undef $journal;
    $journal = opened($path);
    is_deeply([ map { states($journal, $_) } 0 .. 5 ],
        [ qw(done done), 'done', '', qw(done doubt), qw(done doubt), qw(doubt doubt), '', '' ], 'success, failure, deferral, in doubt, no answer');
    is_deeply([ map { "$_->{offset} $_->{recipient}" } $journal->doubtful ],
        [ map { "$_->[0]00 $to[ $_->[1] ]" } [ 2, 1 ], [ 3, 1 ], [ 4, 0 ], [ 4, 1 ] ], 'those in doubt, by name');
    foreach my $change ([ file => '/b' ], [ offset => 1 ], [ length => 1 ], [ hash => 'f' x 16 ]) {
        is($journal->known({ %{ message(0) }, @$change }, $to[0]), '', "another $change->[0] is another message");
    }
    is($journal->known(message(0), 'eve@example.org'), '', 'another recipient was not sent to');
};

subtest 'doubts' => sub {
    my ($path, $journal) = fresh();
    $journal->begin(message(0), message(1));
    undef $journal;
    $journal = opened($path);
    $journal->begin(my $again = message(0));
    is_deeply([ map { $_->{offset} } $journal->doubtful ], [ 100, 100 ], 'one that is sent again is not in doubt while it is');
    answer($journal, $again, [ 250, 450 ]);
    $journal->skip_doubts;
    is_deeply([ $journal->doubtful ], [], 'none are left when they are skipped');
    is_deeply([ states($journal, 1) ], [qw(done done)], 'they will not be sent');
    undef $journal;
    is_deeply([ map { states(opened($path), $_) } 0, 1 ], [ 'done', '', qw(done done) ], 'nor by a later run');
};

# Whatever the last frames lost, what was synced is known, and nothing else.
subtest 'cut at every byte' => sub {
    my ($path, $journal) = fresh();
    my @messages = map { message($_) } 0 .. 3;
    $journal->begin(@messages[ 0, 1 ]);
    answer($journal, $messages[0], [ 250, 250 ]);
    $journal->flush;
    my $synced = -s $path;
    $journal->begin(@messages[ 2, 3 ]);
    answer($journal, $messages[1], [ 250, 250 ]);
    $journal->flush;
    undef $journal;
    my $whole = slurp($path);
    my %seen;
    foreach my $size ($synced .. length $whole) {
        my $state = join ' ', map { $_ || '-' } after(substr $whole, 0, $size);
        $state .= ' + ' . join ' ', map { $_ || '-' } after(substr($whole, 0, $size) . "\0" x 5);
        $seen{$state}++;
    }
    my $done = 'done done';
    my @expected = map { join ' ', $done, @$_ } ['doubt doubt - - - -'], ['doubt doubt doubt doubt doubt doubt'], ["$done doubt doubt doubt doubt"];
    is_deeply([ sort keys %seen ], [ sort map {"$_ + $_"} @expected ], 'three states, and no other');
    my $last = rindex $whole, '#';
    foreach my $at ($synced .. length($whole) - 1) {
        my $garbled = $whole;
        substr($garbled, $at, 1) ^= "\1";
        my $state = eval { join ' ', map { $_ || '-' } after($garbled) };
        my $is_right = $at < $last ? !defined $state && $@ =~ /is damaged at byte $synced:/ : $state eq $expected[1];
        ok(0, "garbled at $at: " . (defined $state ? $state : $@)) if not $is_right;
    }
    ok(1, 'a garbled byte: damage, where it was synced');
};

subtest 'goes on behind a torn end' => sub {
    my ($path, $journal) = fresh();
    $journal->begin(message(0));
    undef $journal;
    append($path, "#50 01234567\nS\t2\t");
    $journal = opened($path);
    is($journal->torn, 17, 'how much was cut off');
    $journal->begin(message(1));
    undef $journal;
    $journal = opened($path);
    is($journal->torn, 0, 'it is whole again');
    is_deeply([ map { states($journal, $_) } 0, 1 ], [ ('doubt') x 4 ], 'and has both');
};

subtest 'what is no journal, or is damaged, is left alone' => sub {
    my ($path, $journal) = fresh();
    foreach my $i (0 .. 3) { $journal->begin(message($i)) }
    undef $journal;
    my $whole = slurp($path);
    (my $damaged = $whole) =~ s/example/exbmple/;
    foreach my $case (
        [ 'another file', "From ann\n", qr/is no journal/ ],
        [ 'damaged in front of what was synced', $damaged, qr/damaged at byte \d+: put a copy back/ ],
        [ 'cut in front', substr($whole, 9), qr/is no journal|damaged/ ],
    ) {
        my ($name, $text, $error) = @$case;
        my $file = write_file($text);
        is(eval { opened($file); 1 }, undef, $name);
        like($@, $error, '  says why');
        is(slurp($file), $text, '  and it is as it was');
    }
    is(eval { Mail::Wire::Journal->new($path, 'lmtp://elsewhere:24'); 1 }, undef, 'another server');
    like($@, qr/is that of an import to lmtp:\S+: name another journal/, '  says why');
    is(eval { opened("$folder"); 1 }, undef, 'a folder');
    like($@, qr/cannot open the journal/, '  says why');
};

subtest 'one process at a time' => sub {
    my ($path, $journal) = fresh();
    is(eval { opened($path); 1 }, undef, 'refused');
    like($@, qr/another process uses the journal \Q$path\E: /, 'says why');
    undef $journal;
    ok(opened($path), 'free when the first one has ended');
};

subtest 'a device that is full' => sub {
    plan skip_all => 'no /dev/full' if not -e '/dev/full';
    my ($path, $journal) = fresh();
    $journal->begin(my $sent = message(0));
    my $before = slurp($path);
    open my $full, '+<:raw', '/dev/full' or die $!;
    {
        local $journal->{fh} = $full;
        is(eval { $journal->begin(message(1)); 1 }, undef, 'begin croaks');
        my $full_disk = do { local $! = Errno::ENOSPC(); "$!" };
        like($@, qr/cannot write the journal \Q$path\E: \Q$full_disk\E/, 'says why');
    }
    answer($journal, $sent, [ 250, 250 ]);
    my $writes = 0;
    {
        no warnings 'redefine';
        my $put = \&Mail::Wire::Journal::_put;
        local *Mail::Wire::Journal::_put = sub { return $writes++ ? $put->(@_) : do { $! = Errno::ENOSPC(); 0 } };
        $journal->sync;
    }
    is($writes, 2, 'answers are written into the room that was kept');
    is(eval { $journal->begin(message(2)); 1 }, undef, 'nothing more is begun');
    undef $journal;
    $journal = opened($path);
    is_deeply([ map { states($journal, $_) } 0 .. 2 ], [ qw(done done), ('') x 4 ], 'what is known then');
};

# Writes and syncs that fail, and what the call croaks of; '' for nothing. What was begun is in the file, or nothing is.
subtest 'begin, on a disk that fails' => sub {
    foreach my $case (
        [ 'nothing fails', [], [], '' ],
        [ 'a signal', ['EINTR'], [], '' ],
        [ 'little is taken at once', [ 1, 'EINTR', 20 ], [], '' ],
        [ 'full at once', ['ENOSPC'], [], 'ENOSPC' ],
        [ 'full in the middle', [ 30, 'ENOSPC' ], [], 'ENOSPC' ],
        [ 'it cannot be synced', [], ['EIO'], 'EIO' ],
    ) {
        my ($name, $write, $sync, $error) = @$case;
        my ($path, $journal) = fresh();
        my $before = slurp($path);
        @synced = ();
        @writes = @$write;
        @syncs = @$sync;
        my $is_begun = eval { $journal->begin(message(0), message(1)); 1 };
        is($@ =~ /\Acannot write the journal \Q$path\E: (.*?) at / ? $1 : '', $error && words($error), "$name: what is said");
        is($is_begun ? 'begun' : 'not begun', $error ? 'not begun' : 'begun', '... and it dies then');
        is_deeply(\@synced, [ grep {$error ne 'ENOSPC'} 'file' ], '... synced before it is sent');
        is(slurp($path), $before, '... the file is as it was') if $error;
        is_deeply([ @writes, @syncs ], [], '... it came to that');
        $journal->begin(message(2));
        undef $journal;
        $journal = opened($path);
        is_deeply([ map { states($journal, $_) } 0 .. 3 ], [ ($error ? '' : 'doubt') x 4, 'doubt', 'doubt', '', '' ], '... and what is begun later is known by its name');
    }
};

subtest 'the rest, on a disk that fails' => sub {
    my ($path, $journal) = fresh();
    is_deeply(\@synced, [qw(file file folder)], 'a new journal: the room that is kept, the file, its name');
    is_deeply([ beside($path) ], [$path], '... the room has no name');
    cmp_ok(-s $journal->{reserve}, '>=', 100_000, '... and is there');
    $journal->begin(my $sent = message(0));
    @synced = ();
    answer($journal, $sent, [ 250, 250 ]);
    @syncs = ('EIO');
    is(eval { $journal->sync; 1 }, undef, 'sync that fails croaks');
    like($@, qr/\Acannot sync the journal \Q$path\E: \Q${\ words('EIO') }\E at /, '... says why');
    $journal->sync;
    $journal->sync;
    is_deeply(\@synced, [ 'file', 'file' ], '... is tried again, until it is done');
    $journal->begin(my $more = message(1));
    answer($journal, $more, [ 250, 250 ]);
    @writes = ('ENOSPC', 10, 'ENOSPC');
    my $before = slurp($path);
    is(eval { $journal->sync; 1 }, undef, 'answers that find no room, even that which was kept');
    is(slurp($path), $before, '... the file is as it was');
    is($journal->{reserve}, undef, '... that room was given back');
    is(eval { $journal->sync; 1 }, 1, '... they are written when there is some');
    undef $journal;
    $journal = opened($path);
    is_deeply([ map { states($journal, $_) } 0, 1 ], [ ('done') x 4 ], '... and known');
    undef $journal;
    foreach my $case ([ 'EIO', [], ['EIO'] ], [ 'ENOSPC', ['ENOSPC'], [] ]) {
        my ($error, $write, $sync) = @$case;
        @writes = @$write;
        @syncs = @$sync;
        is(eval { opened($path); 1 }, undef, "no room that could be kept, $error");
        like($@, qr/\Acannot write beside the journal \Q$path\E: \Q${\ words($error) }\E at /, '... says why');
        is_deeply([ beside($path) ], [$path], '... and leaves nothing');
    }
};

# What a frame says of what is in front of it is true.
subtest 'synced is what was synced' => sub {
    my ($path, $journal) = fresh();
    $journal->begin(my $sent = message(0));
    answer($journal, $sent, [ 250, 250 ]);
    $journal->flush;
    $journal->begin(message(1));
    $journal->begin(message(2));
    is_deeply([ map { $_ || '' } slurp($path) =~ /^#[0-9]+ [0-9a-f]{8}( s)?$/mg ], [ '', ' s', ' s', '', ' s' ], 'frames behind a sync say so, others do not');
};

subtest 'much at once' => sub {
    my ($path, $journal) = fresh();
    my @many = map { my $i = $_; +{ %{ message($i) }, recipients => [ map {"$i-$_-" . 'x' x 200 . '@example.org'} 1 .. 100 ] } } 0 .. 119;
    $journal->begin(@many);
    $journal->answered($many[3], map { bless [ $many[3]{recipients}[$_], $_, 250, 'x' x 300, 'final', 0 ], 'Mail::Wire::Result' } 0 .. 99);
    $journal->sync;
    undef $journal;
    my @frames = slurp($path) =~ /^(#[0-9]+ [0-9a-f]{8}(?: s)?)$/mg;
    my @sizes = map { /([0-9]+)/ } @frames;
    is_deeply([ grep { $frames[$_] =~ /s\z/ } 0 .. $#frames ], [ 1, $#frames ], 'synced: in front of all of them, and in front of the answers');
    cmp_ok(scalar @sizes, '>=', 4, 'more frames than one');
    is_deeply([ grep { $_ > Mail::Wire::Journal::FRAME_SIZE } @sizes ], [], '... none of them too long');
    $journal = opened($path);
    is_deeply([ grep { my $m = $_; grep { $journal->known($m, $_) ne ($m == $many[3] ? 'done' : 'doubt') } @{ $m->{recipients} } } @many ], [], '... all is known');
};

subtest 'only read' => sub {
    my ($path, $journal) = fresh();
    $journal->begin(my $sent = message(0));
    answer($journal, $sent, [250]);
    $journal->sync;
    is(eval { only_read($path); 1 }, undef, 'not while it is written');
    undef $journal;
    append($path, '#50 0123');
    my $before = slurp($path);
    my @readers = map { only_read($path) } 1 .. 2;
    is_deeply([ states($readers[1], 0) ], [qw(done doubt)], 'two at once know what is in it');
    is($readers[0]->torn, 8, '... and what is torn');
    undef @readers;
    is(slurp($path), $before, '... which stays');
};

done_testing;

sub beside {
    my ($path) = @_;
    opendir my $in, $folder or die $!;
    return grep { index($_, $path) == 0 } map {"$folder/$_"} readdir $in;
}

sub only_read { return Mail::Wire::Journal->new($_[0], 'lmtp://127.0.0.1:24', 1) }

sub fresh {
    my $path = "$folder/" . $count++;
    @synced = ();
    return ($path, opened($path));
}

sub opened { return Mail::Wire::Journal->new($_[0], 'lmtp://127.0.0.1:24') }

sub message {
    my ($i) = @_;
    return { file => '/a/%b', offset => $i * 100, length => 90, hash => Mail::Wire::Journal->hash_of($i), recipients => [@to] };
}

# A number with a ? may have been delivered.
sub answer {
    my ($journal, $message, $codes) = @_;
    my $i = 0;
    $journal->answered($message, map { bless [ $to[$i], $i++, /(\d+)/, "it\nis\t$_", 'final', /\?/ ? 1 : 0 ], 'Mail::Wire::Result' } @$codes);
    return;
}

sub states {
    my ($journal, $i) = @_;
    return map { $journal->known(message($i), $_) } @to;
}

sub after {
    my ($text) = @_;
    my $journal = opened(write_file($text));
    return map { states($journal, $_) } 0 .. 3;
}

sub write_file {
    my ($text) = @_;
    my $path = "$folder/" . $count++;
    append($path, $text);
    return $path;
}

sub append {
    my ($path, $text) = @_;
    open my $fh, '>>:raw', $path or die $!;
    print {$fh} $text or die $!;
    close $fh or die $!;
    return;
}

sub slurp {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die $!;
    local $/;
    return scalar <$fh>;
}
