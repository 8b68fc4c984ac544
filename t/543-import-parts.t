# Parts of an import, without a server: what is a duplicate, how much is on its way at once, when a server is given up, the folder of what was
# refused.

use strict;
use warnings;

use lib 't/lib';
use CommandTest;
use Errno qw(EIO);
use File::Temp ();
use IO::Handle ();
use Mail::Wire::Command::Import ();
use Mail::Wire::Import ();
use Mail::Wire::Import::Refused ();
use Mail::Wire::Result ();
use Test::More;

my $folder = File::Temp->newdir;

# A message of a mailbox: its text, given whole, or in pieces of such a size; or a stretch of a file.
{
    package AMessage;
    sub new { my ($class, $text, %in) = @_; return bless { text => $text, path => 'box', to => ['ann@x'], %in }, $class }
    sub path { return $_[0]{path} }
    sub offset { return 0 }
    sub length { return length $_[0]{text} }
    sub range { return $_[0]{range} }
    sub as_string { return $_[0]{text} }
    sub head { return $_[0]{text} =~ /\A(.*?\n\r?\n)/s ? $1 : $_[0]{text} }
    sub header { return $_[0]->head =~ /^\Q$_[1]\E: *([^\r\n]*)/mi ? $1 : undef }
    sub beginning { return substr $_[0]{text}, 0, $_[1] }

    sub data {
        my ($self) = @_;
        my $size = $self->{pieces} or return \$self->{text};
        my @pieces = unpack "(a$size)*", $self->{text};
        return sub { shift @pieces };
    }
    package AnEnvelope;
    sub recipients { return @{ $_[1]{to} } }
    sub sender { return 'me@x' }

    # Everything is accepted when it is asked for; it remembers how many octets, and messages, were on their way at the most.
    package APool;
    sub new { return bless { jobs => [], octets => 0, most => 0, count => 0 }, $_[0] }

    sub submit {
        my ($self, %in) = @_;
        push @{ $self->{jobs} }, { %in, octets => ref $in{Data} eq 'SCALAR' ? length ${ $in{Data} } : 0 };
        $self->{octets} += $self->{jobs}[-1]{octets};
        $self->{most} = $self->{octets} if $self->{octets} > $self->{most};
        $self->{count} = @{ $self->{jobs} } if @{ $self->{jobs} } > $self->{count};
        return;
    }
    sub collect {
        my ($self) = @_;
        my $job = shift @{ $self->{jobs} };
        $self->{octets} -= $job->{octets};
        my $i = 0;
        return ADelivery->new($job->{Tag}, map { Mail::Wire::Result->_new($_, $i++, 250, 'ok', 'final') } @{ $job->{To} });
    }
    package ADelivery;
    sub new { my ($class, @in) = @_; return bless [@in], $class }
    sub tag { return $_[0][0] }
    sub results { my (undef, @results) = @{ $_[0] }; return @results }
}

# Runs an import of these, and returns it and the pool.
sub import_of {
    my ($options, @messages) = @_;
    my $pool = APool->new;
    my $import = Mail::Wire::Import->new(
        pool => $pool, envelope => bless([], 'AnEnvelope'), window => 500, stopped => sub { 0 }, failed => sub { die @_ }, told => sub { }, %$options);
    $import->run(sub { shift @messages });
    return ($import, $pool);
}

# ---------------------------------------------------------------- duplicates

my $text = "Message-ID: <1\@x>\nSubject: a\n\nOne\n\nTwo\n";
(my $dos = $text) =~ s/\n/\r\n/g;
my $plain = "Subject: a\n\nOne\n\nTwo\n";
(my $plain_dos = $plain) =~ s/\n/\r\n/g;
for my $case (
    [ 1, 'the same', $text, $text ],
    [ 1, 'line ends', $text, $dos ],
    [ 1, 'line ends, no Message-ID', $plain, $plain_dos ],
    [ 1, 'lines at the end', $text, "$text\n\n" ],
    [ 1, 'no line end at the end', $text, substr $text, 0, -1 ],
    [ 1, 'no line end at the end, no Message-ID', $plain, substr $plain, 0, -1 ],
    [ 1, 'another header', $text, "Received: by x\n$text" ],
    [ 1, 'a shorter header', $text, "Message-ID: <1\@x>\n\nOne\n\nTwo\n" ],
    [ 0, 'another header, no Message-ID', $plain, "Received: by x\n$plain" ],
    [ 0, 'another Message-ID', $text, do { (my $other = $text) =~ s/<1/<2/; $other } ],
    [ 0, 'another text', $text, "${text}x" ],
    [ 0, 'an empty line less', $text, do { (my $other = $text) =~ s/One\n\n/One\n/; $other } ],
    [ 0, 'an empty line more', $text, do { (my $other = $text) =~ s/\n\nOne/\n\n\nOne/; $other } ],
    [ 0, 'a blank less', $text, do { (my $other = $text) =~ s/One/ One/; $other } ],
    [ 0, 'no Message-ID', $text, $plain ],
    [ 0, 'another recipient', $text, $text, to => ['ben@x'] ],
    [ 0, 'a recipient in capitals', $text, $text, to => ['ANN@x'] ],
) {
    my ($is_same, $name, $one, $two, %in) = @$case;
    my @wrong;
    for my $sizes ([ 0, 0 ], [ 1, 0 ], [ 0, 1 ], [ 3, 7 ], [ 20, 1000 ]) {
        my ($import) = import_of({ is_deduping => 1 }, AMessage->new($one, pieces => $sizes->[0]), AMessage->new($two, pieces => $sizes->[1], %in));
        push @wrong, "@$sizes" if $import->count->{duplicate} != $is_same or $import->count->{sent} != 2 - $is_same;
    }
    is_deeply(\@wrong, [], $is_same ? "a duplicate: $name" : "no duplicate: $name");
}
{
    my ($import, $pool) = import_of({ is_deduping => 1 }, AMessage->new($text, to => [qw(ann@x ben@x)]), AMessage->new($text, to => [qw(cy@x ben@x)]));
    is_deeply([ @{ $import->count }{qw(recipients sent duplicate)} ], [ 4, 3, 1 ], 'one of two recipients has it');
    ($import) = import_of({}, AMessage->new($text), AMessage->new($text));
    is($import->count->{sent}, 2, 'both are sent where nobody asks');
}

# ---------------------------------------------------------------- how much at once

# Files that are open, a stretch of one that has more, and what is read into memory.
sub file_of {
    my ($name, $octets) = @_;
    open my $fh, '+<', write_file("$folder/$name", $octets) or die $!;
    return $fh;
}
my $large = Mail::Wire::Import::LARGE;
my $file = file_of('large', 'x' x $large);
my $box = file_of('box', 'x' x ($large * 4));
my $small = file_of('small', 'x' x 1000);
my $mega = 'x' x (1 << 20);
for my $case (
    [ 'octets in memory', sub { AMessage->new($mega) }, 1 << 20, 8 ],
    [ 'a small file is read', sub { AMessage->new('x' x 1000, range => [ $small, 0, 1000 ]) }, 1000, undef ],
    [ 'a file that stays open', sub { AMessage->new('x', range => [ $file, 0, $large ]) }, $large, 128 ],
    [ 'content in pieces', sub { AMessage->new('x', pieces => 1) }, $large, undef ],
    [ 'a part of a mailbox', sub { AMessage->new('x', range => [ $box, $large, $large ]) }, 0, undef ],
    [ 'the first of a mailbox', sub { AMessage->new('x', range => [ $box, 0, $large ]) }, 0, undef ],
) {
    my ($name, $make, $weight, $most) = @$case;
    my (@jobs, @weights);
    my ($import, $pool) = import_of({ told => sub { push @weights, $_[0]{weight} } }, map { $make->() } 1 .. 40);
    is_deeply([ grep { $_ != $weight } @weights ], [], "$name: its weight");
    is(scalar @weights, 40, '... all are sent');
    is($import->{weight}, 0, '... and weigh nothing in the end');
    next if not defined $most;
    ($import, $pool) = import_of({}, map { $make->() } 1 .. 300);
    is($pool->{count}, $most, '... so many on their way at the most');
    cmp_ok($pool->{most}, '<=', Mail::Wire::Import::WEIGHT_MAX, '... which is no more than there may be');
}
{
    my ($import, $pool) = import_of({ window => 12 }, map { AMessage->new("$_") } 1 .. 50);
    is($pool->{count}, 12, 'no more than the window');
    ($import, $pool) = import_of({}, map { AMessage->new('x' x (3 * Mail::Wire::Import::WEIGHT_MAX)) } 1 .. 3);
    is_deeply([ $pool->{count}, $import->count->{sent} ], [ 1, 3 ], 'what is too much by itself goes alone');
}

# ---------------------------------------------------------------- a server that is silent

# Stages of the results of each message, with a window of 3.
for my $case (
    [ 1, 'connect', 'connect', 'connect' ],
    [ 1, 'connect', 'connect', 'connect', 'connect' ],
    [ 0, 'connect', 'connect' ],
    [ 0, 'connect', 'connect', 'final', 'connect', 'connect' ],
    [ 1, 'connect', 'final', 'connect', 'connect', 'connect' ],
    [ 0, 'connect connect', 'connect connect' ],
    [ 0, 'connect', 'connect', 'connect rcpt' ],
    [ 0, 'mail', 'mail', 'mail', 'mail' ],
) {
    my ($is_lost, @messages) = @$case;
    my $import = bless { option => { window => 3 }, url => 'lmtp://x:24', code => 0, streak => 0 }, 'Mail::Wire::Command::Import';
    open my $err, '>', "$folder/err" or die $!;
    {
        local *STDERR = $err;
        foreach my $stages (@messages) { $import->_note_silence(map { Mail::Wire::Result->_new('a@x', 0, 421, 'no', $_) } split ' ', $stages) }
    }
    close $err or die $!;
    is_deeply([ $import->{is_lost} || 0, $import->{code} ], $is_lost ? [ 1, 69 ] : [ 0, 0 ], join(', ', @messages) . ($is_lost ? ': it is lost' : ': it is there'));
    is(scalar(() = read_file("$folder/err") =~ /does not answer any more/g), $is_lost, '... which is said once');
}

# ---------------------------------------------------------------- what was refused

my @synced;
my @fails;
{
    no warnings 'redefine';
    *IO::Handle::sync = sub {
        push @synced, -d $_[0] ? 'folder' : -s $_[0] ? 'file' : 'empty';
        my $error = shift @fails or return '0 but true';
        $! = $error;
        return;
    };
}
sub refusal { return Mail::Wire::Result->_new('ann@x', 0, 550, 'no', 'rcpt') }
{
    my $path = "$folder/refused";
    my $first = Mail::Wire::Import::Refused->new($path);
    is_deeply(\@synced, ['folder'], 'a new folder: its name is on the disk');
    @synced = ();
    my $second = Mail::Wire::Import::Refused->new($path);
    write_file("$folder/else", 'else');
    symlink "$folder/else", "$path/000002.eml" or die $!;
    $first->add(AMessage->new("one\n"), refusal());
    is_deeply(\@synced, [ 'file', 'file', 'folder' ], 'a message: its file, the list and their names are on the disk');
    $second->add(AMessage->new("two\n"), refusal());
    $first->add(AMessage->new("three\n", pieces => 2), refusal());
    is_deeply([ map { read_file("$path/00000$_.eml") } 1 .. 4 ], [ "one\n", 'else', "two\n", "three\n" ], 'nothing is written over, be it by two at once');
    is(read_file("$folder/else"), 'else', '... nor where a link leads');
    is(join(' ', read_file("$path/refused.txt") =~ /^([0-9]+)\.eml box 0 <ann\@x>: failure \(rcpt\) 550 no$/mg), '000001 000003 000004', '... each has its line');
    for my $at (0, 1) {
        @fails = ((0) x $at, EIO);
        ok(!eval { $first->add(AMessage->new("four\n"), refusal()); 1 }, ($at ? 'the list' : 'the message') . ' cannot be synced: it dies');
        like($@, qr/cannot write what was refused to \Q$path\E: /, '... and says why');
    }
}

done_testing;
