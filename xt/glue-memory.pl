# What 830-glue-memory.t runs in its copy: each scenario once for every allocation that it makes.

use strict;
use warnings;

use File::Temp ();
use Test::More;

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my $MOST = 3000;    # more allocations than any scenario makes

my %reply = (final => { 'full@x' => '452 4.2.2 Full' }, rcpt => { 'no@x' => '550 5.1.1 No' });
my %sink = (
    DATA  => Mail::Wire::Sink->new(%reply, chunking => 0),
    BDAT  => Mail::Wire::Sink->new(%reply, binarymime => 1),
    plain => Mail::Wire::Sink->new(%reply, chunking => 0, pipelining => 0),
    QMTP  => Mail::Wire::Sink->new(protocol => 'qmtp', final => { 'full@x' => 'ZFull', 'no@x' => 'DNo' }),
);
my @TO = qw(a@x no@x full@x b@x);
my $file = File::Temp->new;
print {$file} "a line of a file\n" x 3000;
$file->flush;

# ---- scenarios: each is given a sink and a sender of its own, and tells what it knows as [ recipient, success?, known? ]

sub lmtp {
    my ($sink) = @_;
    my $lmtp = Net::LMTP->new($sink->host, $sink->port, Hello => 'me', Timeout => 20) or die "$@\n";
    return $lmtp;
}

sub qmtp {
    my ($sink) = @_;
    my $qmtp = Net::QMTP->new($sink->host, Port => $sink->port, Timeout => 20) or die "no link\n";
    return $qmtp;
}

sub known { return map { [ $_->recipient, $_->is_success ] } @_ }

sub sync_session {
    my ($sink, $sender, $keep) = @_;
    my $lmtp = lmtp($sink);
    @$keep = ();
    my $went = eval {
        $lmtp->mail($sender) and $lmtp->recipient(@TO, { SkipBad => 1 }) and $lmtp->data
            and $lmtp->datasend("Subject: x\n\n") and $lmtp->datasend([ "one\n.two\n", 'x' x 70_000 ]) and $lmtp->dataend;
        1;
    };
    my $error = $@;
    @$keep = known($lmtp->results);
    die $error if not $went;
    $lmtp->message;
    $lmtp->quit;
    return;
}

sub chunked_session {
    my ($sink, $sender, $keep) = @_;
    my $lmtp = lmtp($sink);
    my $went = eval {
        $lmtp->mail($sender, Bits => 'binary') and $lmtp->recipient(@TO, { SkipBad => 1 }) and $lmtp->bdat("one\n" x 20_000)
            and $lmtp->bdatlast("two\n");
        1;
    };
    my $error = $@;
    @$keep = known($lmtp->results);
    die $error if not $went;
    $lmtp->quit;
    return;
}

sub by_hand {
    my ($sink, $sender, $keep) = @_;
    my $lmtp = lmtp($sink);
    $lmtp->command('NOOP');
    my $line = $lmtp->getline;
    $lmtp->ungetline($line) if defined $line;
    $lmtp->response;
    $lmtp->_MAIL("FROM:<$sender>");
    $lmtp->_RCPT("TO:<a\@x>");
    if ($lmtp->_DATA) {
        my $fh = $lmtp->tied_fh;
        print {$fh} "text\n";
        my $fine = close $fh;
        push @$keep, [ 'a@x', 1 ] if $fine;
    }
    $lmtp->help;
    return;
}

# Every delivery that was taken has a result for everybody.
sub complete {
    my ($results, @to) = @_;
    die "not one result for each recipient: @{[ map { $_->recipient } @$results ]}\n"
        if join(' ', map { $_->recipient } @$results) ne "@to";
    return known(@$results);
}

sub deliveries {
    my ($client, $sender, $keep, @messages) = @_;
    my (@sent, $error);
    for my $i (0 .. $#messages) {
        my ($to, @content) = @{ $messages[$i] };
        my $id = eval { $client->submit(From => "$i.$sender", To => $to, @content) };
        $error ||= $@ if !defined $id;
        push @sent, [ $i, $to ] if defined $id;
    }
    while (my $delivery = eval { $client->collect }) {
        my $message = shift @sent or die "one too many\n";
        push @$keep, map { [ $_->[0], $_->[1], $message->[0] ] } complete([ $delivery->results ], @{ $message->[1] });
    }
    $error ||= $@;
    while (my $delivery = $client->collect) {
        my $message = shift @sent or die "one too many\n";
        push @$keep, map { [ $_->[0], $_->[1], $message->[0] ] } complete([ $delivery->results ], @{ $message->[1] });
    }
    die "deliveries without results: " . @sent . "\n" if @sent;
    die $error if $error;
    return;
}

sub pieces { my @left = @_; return sub { shift @left } }

sub messages {
    return (
        [ ['a@x'],    Data => "short\n" ],
        [ ['full@x'], Data => "x" x 70 . "\n" ],
        [ [@TO],      Data => "y\r\n" x 20_000 ],
        [ [ 'b@x', "bad\n\@x" ], Data => pieces("one\n", 'two', "\n.three\n") ],
        [ ['c@x'],    File => $file->filename ],
    );
}

my @scenarios = (
    [ 'sync calls'          => DATA  => \&sync_session ],
    [ 'sync calls, BDAT'    => BDAT  => \&chunked_session ],
    [ 'lines by hand'       => DATA  => \&by_hand ],
    [ 'deliveries by DATA'  => DATA  => sub { deliveries(lmtp($_[0]), $_[1], $_[2], messages()) } ],
    [ 'deliveries by BDAT'  => BDAT  => sub { deliveries(lmtp($_[0]), $_[1], $_[2], messages()) } ],
    [ 'one at a time'       => plain => sub { deliveries(lmtp($_[0]), $_[1], $_[2], (messages())[ 0, 2 ]) } ],
    [ 'packages'            => QMTP  => sub { deliveries(qmtp($_[0]), $_[1], $_[2], map { s/\n// for @{ $_->[0] }; $_ } messages()) } ],
    [ 'one package by send' => QMTP  => \&package_by_send ],
);

sub package_by_send {
    my ($sink, $sender, $keep) = @_;
    my $qmtp = qmtp($sink);
    $qmtp->sender($sender);
    $qmtp->recipient($_) for @TO;
    $qmtp->message("text\n" x 30_000);
    my $results = $qmtp->send or die $qmtp->error . "\n";
    push @$keep, map { [ $_, $results->{$_} =~ /^success/ ? 1 : 0 ] } sort keys %$results;
    return;
}

# ---- running them

my $run = 0;

# Returns the senders' results, and what was wrong.
sub run_failing {
    my ($scenario, $n) = @_;
    my ($name, $sink, $code) = @$scenario;
    my (@keep, @wrong);
    my $sender = 's' . ++$run . '@x';
    my $before = Mail::Wire::TestAlloc::live();
    Mail::Wire::TestAlloc::fail_at($n);
    my $fine = eval { local $SIG{__WARN__} = sub { }; $code->($sink{$sink}, $sender, \@keep); 1 };
    my $error = $fine ? '' : $@;
    my $calls = Mail::Wire::TestAlloc::calls();
    Mail::Wire::TestAlloc::fail_at(0);
    push @wrong, "an error that is none of memory: $error" if $error and $error !~ /out of memory|No memory|Cannot allocate/i;
    push @wrong, "an error though nothing failed: $error" if $error and $calls < $n;
    push @wrong, 'no result though nothing failed' if !@keep and $calls < $n;
    my $leak = Mail::Wire::TestAlloc::live() - $before;
    push @wrong, "$leak blocks leaked" if $leak;
    return ($calls, [ map { [ defined $_->[2] ? "$_->[2].$sender" : $sender, @$_[ 0, 1 ] ] } @keep ], @wrong);
}

# No success but those that the server has given.
sub untrue {
    my ($sink, @claims) = @_;
    my %given;
    for my $message ($sink->messages) {
        $given{"$message->{from} $_->{address}"} = 1 for grep { $_->{accepted} && $_->{stage} eq 'final' } @{ $message->{recipients} };
    }
    return map {"$_->[0] to $_->[1]"} grep { $_->[2] && !$given{"$_->[0] $_->[1]"} } @claims;
}

for my $scenario (@scenarios) {
    my ($name, $sink) = @$scenario;
    my ($calls, @claims, @wrong);
    my $n = 0;
    do {
        my ($results, @found);
        ($calls, $results, @found) = run_failing($scenario, ++$n);
        push @claims, @$results;
        push @wrong, map {"allocation $n: $_"} @found;
    } while ($calls >= $n and $n < $MOST);
    cmp_ok($n, '>', 5, "$name: each of " . ($n - 1) . ' allocations fails in turn') or diag($calls);
    cmp_ok($n, '<', $MOST, '... of them all');
    is_deeply(\@wrong, [], '... nothing leaks, and every error says why');
    is_deeply([ untrue($sink{$sink}, @claims) ], [], '... no success that was not given');
    cmp_ok(scalar(grep { $_->[2] } @claims), '>', 0, '... but some');
}
done_testing;
