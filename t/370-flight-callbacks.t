# The caller's code that runs inside a delivery, and dies there: Data, Progress, handlers of signals.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use DeliveryTest;
use FlightTest;
use Interrupt;

my $server = FlightServer->new;
my %keywords = keywords_of('one at a time', 'pipelining', 'streams');

sub simple {
    my ($name, @more) = @_;
    return (From => "$name\@x", To => ['a@x'], Data => "text of $name\n", @more);
}

# Runs it; a handler dies in it once the server holds.
sub alarmed {
    my ($code) = @_;
    my ($ran, $error, @got) = interrupt(sub { $server->passed('here') }, sub { die "alarm\n" }, $code);
    is $error, "alarm\n", 'the handler dies through';
    return @got;
}

for my $kind (sort keys %keywords) {
    my @keywords = (keywords => $keywords{$kind});

    # ---- calls on the same object from inside

    for my $what (qw(Data Progress)) {
        for my $method (qw(deliver submit collect advance flush quit mail bdat)) {
            my $lmtp = connect_to($server, server => {@keywords});
            my @pieces = ("one\n", "two\n", "three\n");
            my $refusal;
            my $inside = sub {
                return if defined $refusal;
                my @arguments = $method =~ /^(?:deliver|submit)\z/ ? simple('m2') : $method eq 'mail' ? 'a@x' : ();
                $refusal = eval { $lmtp->$method(@arguments); 1 } ? 'none' : $@;
            };
            my %code = (Data => sub { $inside->() if $what eq 'Data'; shift @pieces });
            $code{Progress} = $inside if $what eq 'Progress';
            my @results = $lmtp->deliver(simple('m1'), %code);
            like $refusal, qr/called from the code|deliveries are unanswered|another call/, "$method inside $what is refused ($kind)";
            is codes(@results), '250', '... and disturbs nothing';
            is $lmtp->in_flight, 0, '... nor the count';
            undef $lmtp;
            is $server->truth->{messages}{m1}{body}, "one\r\ntwo\r\nthree\r\n", '... nor the message';
        }
    }

    # ---- Data

    # As much of it is read before anything is sent as EagerBody says; see t/393-sources-ahead.t.
    for my $pieces (0, 1, 5) {
        my $lmtp = connect_to($server, client => { EagerBody => 1 }, server => {@keywords});
        my $id = $lmtp->submit(simple('m1'));
        my $n = 0;
        my @results = eval { $lmtp->deliver(simple('m2'), Data => sub { die "no more\n" if $n++ == $pieces; 'x' x 50_000 }) };
        is $@, "no more\n", "Data dies after $pieces pieces ($kind)";
        is codes($lmtp->results), '421-body', 'its recipient is a deferral';
        is !!$lmtp->opened, !$pieces, $pieces ? 'the link is closed, as a message is half sent' : 'the link is usable, as nothing was sent';
        my $first = $lmtp->collect;
        is $first->id, $id, 'the one before it stays collectable';
        is codes($first->results), '250', 'and was delivered';
        is $lmtp->collect, undef, 'there are no others';
        is $lmtp->in_flight, 0, 'none';
        is codes($lmtp->deliver(simple('m3'))), $pieces ? '421-connect' : '250', 'what the next one finds';
        undef $lmtp;
        my $messages = $server->truth->{messages};
        ok !$messages->{m2}{ended}, 'the server has not got the message';
        ok $messages->{m1}{ended}, 'but that before it';
    }

    # Submitted: it dies out of whatever call asks for its pieces.
    {
        my $lmtp = connect_to($server, client => { EagerBody => 1 }, server => {@keywords});
        my $calls = 0;
        my ($died, @seen) = (0);
        my $keep = sub { my $delivery = $_[0] or return; push @seen, map { $delivery->id . ' ' . codes($_) } $delivery->results };
        for my $code (
            sub { $lmtp->submit(simple('m1'), Data => sub { die "no more\n" if $calls++; "piece\n" }) },
            sub { $lmtp->submit(simple('m2')) },
            sub { $keep->($lmtp->collect) },
        ) {
            $died++ if !eval { $code->(); 1 } and $@ eq "no more\n";
        }
        is $died, 1, "Data of a submitted message dies once ($kind)";
        while (my $delivery = $lmtp->collect) { $keep->($delivery) }
        is scalar(grep {/^1 421-body$/} @seen), 1, 'its recipient is a deferral' or diag "@seen";
        undef $lmtp;
        ok !$server->truth->{messages}{m1}{ended}, 'and it was not delivered';
    }

    # What is no octet.
    {
        my $lmtp = connect_to($server, client => { EagerBody => 1 }, server => {@keywords});
        ok !eval { $lmtp->deliver(simple('m1'), Data => "wide \x{263a}\n"); 1 }, "a wide string croaks ($kind)";
        like $@, qr/Wide character/, 'and says why';
        is $lmtp->in_flight, 0, 'nothing is in flight';
        is codes($lmtp->deliver(simple('m2'))), '250', 'the link goes on';
        my @pieces = ("fine\n", "wide \x{263a}\n");
        ok !eval { $lmtp->deliver(simple('m3'), Data => sub { shift @pieces }); 1 }, 'so does a wide piece';
        is codes($lmtp->results), '421-body', 'in the midst of its message';
        undef $lmtp;
        my $messages = $server->truth->{messages};
        ok !$messages->{m1}, 'the first was not begun';
        ok !$messages->{m3}{ended}, 'the last was not ended';
    }

    # ---- Progress

    {
        my $lmtp = connect_to($server, server => {@keywords});
        my @shown;
        my $text = "0123456789abcde\n" x 20_000;
        is codes($lmtp->deliver(simple('m1'), Data => $text, Progress => sub { push @shown, [@_] })), '250', "Progress ($kind)";
        is_deeply $shown[-1], [ length $text, length $text ], 'ends with all of it';
        is scalar(grep { $shown[$_][0] <= $shown[ $_ - 1 ][0] } 1 .. $#shown), 0, 'and grows';
        my @results = eval { $lmtp->deliver(simple('m2'), Data => $text x 20, Progress => sub { die "enough\n" if $_[0] > 0 }) };
        is $@, "enough\n", 'one that dies';
        like codes($lmtp->results), qr/\A421(?:-body|\?)\z/, 'makes deferrals';
        ok !$lmtp->opened, 'and closes the link';
        undef $lmtp;
        $server->truth;
    }

    # ---- signals

    {
        my $lmtp = connect_to($server, server => { @keywords, lies => { 'mail m1' => { hold => 'here' } } });
        my $id = $lmtp->submit(simple('m1'));
        alarmed(sub { $lmtp->collect });
        $server->release;
        ok $lmtp->opened, "a handler that dies out of collect leaves the link ($kind)";
        is codes($lmtp->collect->results), '250', 'and the delivery goes on';
        undef $lmtp;
        $server->truth;
    }
    {
        my $lmtp = connect_to($server, server => { @keywords, lies => { 'mail m1' => { hold => 'here' } } });
        $lmtp->submit(simple('m1'));
        alarmed(sub { $lmtp->deliver(simple('m2')) });
        $server->release;
        is codes($lmtp->results), '421-connect', "out of deliver, of which nothing was sent ($kind)";
        ok $lmtp->opened, 'leaves the link';
        is codes($lmtp->collect->results), '250', 'the one before it goes on';
        is $lmtp->collect, undef, 'there are no others';
        is codes($lmtp->deliver(simple('m3'))), '250', 'the next one goes';
        undef $lmtp;
        ok !$server->truth->{messages}{m2}, 'it never reached the server';
    }
    {
        my $lmtp = connect_to($server, server => { @keywords, lies => { 'final m1 0' => { instead => [], mark => 'here', then => 'hang' } } });
        alarmed(sub { $lmtp->deliver(simple('m1')) });
        is codes($lmtp->results), '421?', "out of deliver, behind the end ($kind)";
        ok !$lmtp->opened, 'closes the link';
        undef $lmtp;
        $server->truth;
    }

    # A handler that does not die interrupts nothing; one that calls the same object is told off.
    {
        my $lmtp = connect_to($server, server => { @keywords, lies => { 'final m1 0' => { hold => 'here' } } });
        my $told = '';
        my $handler = sub { eval { $lmtp->deliver(simple('m9')) } or $told = $@; $server->release };
        my ($ran, $error, @results) = interrupt(sub { $server->passed('here') }, $handler, sub { $lmtp->deliver(simple('m1')) });
        is codes(@results), '250', "handlers that return ($kind)";
        ok $ran, 'run';
        like $told, qr/another call on the same object/, 'and cannot use the object';
        1 while $lmtp->collect;
        is $lmtp->in_flight, 0, 'nothing stays behind';
        undef $lmtp;
        $server->truth;
    }
}

done_testing;
