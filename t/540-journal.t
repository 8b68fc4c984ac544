# The journal of an import: what it knows after any end of the process or the machine.

use strict;
use warnings;

use lib 't/lib';
use Errno ();
use File::Temp ();
use Mail::Wire::Journal;
use Mail::Wire::Result;
use Test::More;

# The disk is not what is tested.
{
    no warnings 'redefine';
    *IO::Handle::sync = sub { 1 };
}

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
        like($@, qr/cannot write the journal \S+: \Q$full_disk\E/, 'says why');
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

done_testing;

sub fresh {
    my $path = "$folder/" . $count++;
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
