# A handler that dies at whatever moment of Net::QMTP's send or deliver: what is left tells of that message, or the call had not begun.
# The handler's signal comes at the n-th call of a function, for every n, before the function or behind it. And of both classes, what
# is left when deliver dies of its arguments.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use LMTPTest;
use Net::QMTP;
use QMTPServer;

# How many calls of functions there may be before a call has begun: until then everything is as it was.
use constant BEFORE => 8;

# The functions that are ours, each with a place in front where a signal may come.
my ($count, $due, $is_behind) = (0, 0, 0);

sub signalled {
    my ($function) = @_;
    return sub {
        my $is_now = ++$count == $due;
        kill USR1 => $$ if $is_now and not $is_behind;
        goto &$function if not $is_now or not $is_behind;
        my @got = wantarray ? $function->(@_) : scalar $function->(@_);
        kill USR1 => $$;
        return wantarray ? @got : $got[0];
    };
}

foreach my $package (qw(Net::QMTP Net::QMTP::Flight Net::QMTP::Link Mail::Wire::Packages Mail::Wire::Client Mail::Wire::Spool)) {
    no strict 'refs';
    no warnings 'redefine';
    foreach my $name (grep { defined &{"${package}::$_"} and not /\A[A-Z_]+\z/ } sort keys %{"${package}::"}) {
        my $function = \&{"${package}::$name"};
        next if defined prototype $function;    # another module's
        *{"${package}::$name"} = signalled($function);
    }
}

# Answers each package in full, on each connection.
sub server {
    return QMTPServer->new(sub {
        my ($peer) = @_;
        while (1) { $peer->send(QMTPServer::netstring(('Kone', 'Dtwo')[ 0 .. QMTPServer::take($peer) - 1 ])) }
    });
}

# A client that has had an answer already.
sub client {
    my $qmtp = QMTPServer::client($_[0]) or die "connect: $@";
    $qmtp->sender('s');
    $qmtp->recipient('first');
    $qmtp->message("message\n");
    $qmtp->send or die $qmtp->error;
    $qmtp->new_envelope;
    $qmtp->sender('s');
    $qmtp->recipient('a', 'b');
    return $qmtp;
}

sub codes { return join ' ', map { $_->recipient . '=' . $_->code } $_[0]->results }

# Runs the code over and over, with the signal one call later each time, until there is no such call any more. Returns what is wrong with
# what was left.
sub swept {
    my ($behind, $code) = @_;
    my ($died, @wrong) = 0;
    for (my $n = 1; ; $n++) {
        my $server = server();
        my $qmtp = client($server);
        local $SIG{USR1} = sub { die "signalled\n" };
        my ($ok, $had, $error);
        {
            ($count, $due, $is_behind) = (0, $n, $behind);
            $ok = eval { $code->($qmtp); 1 };
            $error = $@;
            $had = $count;
            $due = 0;
        }
        return ($died, @wrong) if $had < $n;
        next if $ok;    # it came when all was done
        $died++;
        my $left = codes($qmtp);
        my $is_whole = $left eq 'a=250 b=550';
        push @wrong, "$n: died of $error" if $error ne "signalled\n";
        push @wrong, "$n: results $left" if not $is_whole and $left ne 'a=450 b=450' and ($left ne 'first=250' or $n > BEFORE);
        push @wrong, "$n: no error" if $left eq 'a=450 b=450' and $qmtp->error eq '';
        push @wrong, "$n: in flight" if $qmtp->in_flight;
        my $next = $qmtp->send;
        push @wrong, "$n: the next send: " . $qmtp->error if not $next or $next->{b} !~ /\A(?:failure: two|deferral)/;
    }
}

my %call = (
    send => sub { $_[0]->send },
    deliver => sub { $_[0]->deliver(From => 's', To => [ 'a', 'b' ], Data => "message\n") },
    'deliver from code' => sub { my @pieces = ('message', "\n"); $_[0]->deliver(From => 's', To => [ 'a', 'b' ], Data => sub { shift @pieces }) },
    'deliver with Progress' => sub { $_[0]->deliver(From => 's', To => [ 'a', 'b' ], Data => "message\n", Progress => sub { }) },
);

foreach my $name (sort keys %call) {
    foreach my $behind (0, 1) {
        my $where = $behind ? 'behind' : 'in front of';
        my ($died, @wrong) = swept($behind, $call{$name});
        cmp_ok($died, '>', 0, "$name: signals $where each call of a function");
        is_deeply(\@wrong, [], '... and each left what is true');
    }
}

# ---- collect: what it dies out of can still be collected, once. Behind its own end it is the caller's.

sub collected_after {
    my ($behind, @more) = @_;
    my ($died, @wrong) = 0;
    for (my $n = 1 + $behind; ; $n++) {
        my $server = server();
        my $qmtp = client($server);
        local $SIG{USR1} = sub { die "signalled\n" };
        my @pieces = ('message', "\n");
        my $id = $qmtp->submit(From => 's', To => [ 'a', 'b' ], Data => sub { shift @pieces }, @more);
        ($count, $due, $is_behind) = (0, $n, $behind);
        my $delivery = eval { $qmtp->collect };
        my $had = $count;
        $due = 0;
        return ($died, @wrong) if $had < $n;
        $died++ if not $delivery;
        $delivery ||= $qmtp->collect;
        push @wrong, "$n: it is gone" if not $delivery or $delivery->id != $id;
        push @wrong, "$n: its results are " . join ' ', map { $_->code } $delivery->results
            if $delivery and join(' ', map { $_->code } $delivery->results) !~ /\A(?:250 550|450 450)\z/;
        push @wrong, "$n: there is another" if $qmtp->collect or $qmtp->in_flight;
    }
}

foreach my $behind (0, 1) {
    my $where = $behind ? 'behind' : 'in front of';
    my ($died, @wrong) = collected_after($behind, Progress => sub { });
    cmp_ok($died, '>', 0, "collect: signals $where each call of a function");
    is_deeply(\@wrong, [], '... and each left it collectable');
}

# ---- deliver dies of its arguments

my $server = server();
foreach my $client (session(), client($server)) {
    next if not $client->isa('Mail::Wire::Client');
    foreach my $case (
        [ [ To => [ 'a', [ 'b', {} ], \'c' ], Nothing => 1 ], [ 'a', 'b', 'an object' ], 'an unknown one' ],
        [ [ To => [ 'a' ], Deadline => -1 ], ['a'], 'one out of range' ],
        [ [ To => [] ], [], 'no recipient' ],
        [ [ To => {} ], [], 'recipients in no list' ],
        [ [], [], 'no recipients' ],
        [ [ To => ['a'], 'Deadline' ], [], 'an odd number' ],
    ) {
        my ($arguments, $recipients, $name) = @$case;
        $client->deliver(From => 's', To => ['first'], Data => "x\n");
        is(($client->results)[0]->recipient, 'first', ref($client) . ', deliver: a message');
        ok(!eval { $client->deliver(From => 's', Data => "x\n", @$arguments); 1 }, "... then $name");
        is_deeply([ map { $_->recipient } $client->results ], $recipients, '... the results are not those of the message before');
        is(scalar(grep { !$_->is_deferral || $_->maybe_delivered } $client->results), 0, '... which was not sent');
    }
}

done_testing;
