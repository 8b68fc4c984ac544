# Sync calls before, between and behind deliveries on the same link; quit and close.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use DeliveryTest;
use FlightTest;

my $server = FlightServer->new;
my %keywords = keywords_of('one at a time', 'pipelining', 'streams');

sub simple {
    my ($name, @to) = @_;
    return (From => "$name\@x", To => [ @to ? @to : 'a@x' ], Data => "text of $name\n");
}

# A handle on a plain file that nothing can be read from.
sub writing {
    require File::Temp;
    my $folder = File::Temp->newdir;
    open my $fh, '>', "$folder/file" or die "$folder/file: $!";
    return $fh;
}

sub by_hand {
    my ($lmtp, $name, @to) = @_;
    return $lmtp->mail("$name\@x") && $lmtp->recipient(@to, { SkipBad => 1 }) && $lmtp->data("text of $name\n");
}

# What the server has of a message: its recipients, "!" behind those that it refused; undef if it never ended.
sub there {
    my ($truth, $name) = @_;
    my $message = $truth->{messages}{$name};
    return if !$message || !$message->{ended};
    return "another's text" if $message->{body} ne "text of $name\r\n";
    return join ' ', map { $_->{address} . ($_->{accepted} ? '' : '!') } @{ $message->{rcpts} };
}

for my $kind (sort keys %keywords) {
    my @server = (server => { keywords => $keywords{$kind} });

    # ---- in turn

    my $lmtp = connect_to($server, @server);
    ok by_hand($lmtp, 'm1', 'a@x', 'b@x'), "by hand ($kind)";
    is codes($lmtp->results), '250 250', 'with results';
    is codes($lmtp->deliver(simple('m2', 'a@x', 'full@x'))), '250 452', 'a delivery';
    is codes($lmtp->results), '250 452', 'whose results are the latest';
    ok $lmtp->reset, 'reset';
    is $lmtp->code, 250, 'with its own reply';
    is codes($lmtp->deliver(simple('m3', 'no@x', 'later@x'))), '550-rcpt 450-rcpt', 'one that leaves a transaction open';
    ok by_hand($lmtp, 'm4', 'no@x', 'a@x'), 'by hand behind it';
    is codes($lmtp->results), '550-rcpt 250', 'with its own results';
    is codes($lmtp->deliver(simple('m5-nodata'))), $kind eq 'streams' ? '451' : '451-data', 'one whose content is refused';
    ok $lmtp->verify('a@x'), 'another command';
    ok by_hand($lmtp, 'm6', 'a@x'), 'by hand again';
    is codes($lmtp->deliver(simple('m7-nomail', 'a@x', 'b@x'))), '550-mail 550-mail', 'one whose sender is refused';
    is codes($lmtp->deliver(simple('m8'))), '250', 'and a good one';
    ok $lmtp->quit, 'quit';
    undef $lmtp;
    my $truth = $server->truth;
    is_deeply $truth->{problems}, [], 'the server has nothing to say against it';
    is_deeply { map { ($_ => there($truth, $_)) } grep { defined there($truth, $_) } keys %{ $truth->{messages} } },
        { m1 => 'a@x b@x', m2 => 'a@x full@x', m4 => 'no@x! a@x', m6 => 'a@x', m8 => 'a@x' }, 'and has each message for its own recipients';

    # ---- what may not be

    $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'mail m1' => { wait => 0.3 } } });
    $lmtp->submit(simple('m1'));
    for my $call (
        [ mail => sub { $lmtp->mail('m9@x') } ], [ reset => sub { $lmtp->reset } ], [ noop => sub { $lmtp->command('NOOP') } ],
        [ hello => sub { $lmtp->hello('again') } ], [ datasend => sub { $lmtp->datasend('x') } ], [ dataend => sub { $lmtp->dataend } ],
        [ response => sub { $lmtp->response } ], [ getline => sub { $lmtp->getline } ], [ verify => sub { $lmtp->verify('x') } ],
    ) {
        ok !eval { $call->[1]->(); 1 }, "$call->[0] croaks while a delivery is unanswered ($kind)";
        like $@, qr/unanswered/, 'and says why';
    }
    is codes($lmtp->deliver(simple('m2'))), '250', 'deliver is welcome';
    ok $lmtp->verify('x'), 'and then all others';
    is $lmtp->in_flight, 1, 'though one is not collected';
    ok $lmtp->mail('m3@x'), 'mail';
    for my $method (qw(deliver submit)) {
        ok !eval { $lmtp->$method(simple('m4')); 1 }, "$method inside a transaction croaks";
        like $@, qr/mail/, 'and says why';
    }
    ok $lmtp->reset, 'reset';
    is codes($lmtp->deliver(simple('m5'))), '250', 'and it goes';
    is codes($lmtp->collect->results), '250', 'the one from the start';
    undef $lmtp;
    $truth = $server->truth;
    is_deeply [ sort grep { $truth->{messages}{$_}{ended} } keys %{ $truth->{messages} } ], [qw(m1 m2 m5)], 'nothing else was delivered';

    # ---- wrong arguments

    $lmtp = connect_to($server, @server);
    my %good = (From => 'm1@x', To => ['a@x'], Data => "text\n");
    for my $wrong (
        [ 'no To' => To => undef ], [ 'an empty To' => To => [] ], [ 'a To that is no list' => To => {} ], [ 'an undefined address' => To => [undef] ],
        [ 'no Data' => Data => undef ], [ 'a number for options' => To => [ [ 'a@x', 1 ] ] ], [ 'Data and File' => File => $0 ],
        [ 'a wrong Deadline' => Deadline => 'soon' ], [ 'a negative one' => Deadline => -1 ], [ 'a Progress that is no code' => Progress => 1 ],
        [ 'an unknown one' => Dat => 'x' ], [ 'a value too few' => 'Deadline' ], [ 'Data of a wrong kind' => Data => {} ],
        [ 'a reference for the sender' => From => {} ], [ 'an object for the sender' => From => bless([], 'Thing') ],
        [ 'a reference for an address' => To => [{}] ], [ 'a handle for writing' => Data => writing() ],
        [ 'a File that is not there' => Data => undef, File => "$0.none" ], [ 'a folder for a File' => Data => undef, File => '/' ],
        [ 'wide characters' => Data => "\x{20AC}" ], [ 'a line of them' => Data => [ "text\n", "\x{20AC}\n" ] ],
    ) {
        my ($what, @change) = @$wrong;
        for my $method (qw(deliver submit)) {
            ok !eval { $lmtp->$method(%good, @change); 1 }, "$method with $what croaks";
            like $@, qr/ at \Q$0\E line @{[ __LINE__ - 1 ]}\.?$/, 'and says where';
        }
    }
    is $lmtp->in_flight, 0, 'nothing is in flight';
    is codes($lmtp->deliver(%good)), '250', 'and all is well';
    undef $lmtp;
    is_deeply [ grep {length} keys %{ $server->truth->{messages} } ], ['m1'], 'nothing else was sent';

    # ---- quit and close

    $lmtp = connect_to($server, @server);
    $lmtp->submit(simple("m$_", 'a@x', 'full@x')) for 1 .. 5;
    ok $lmtp->quit, "quit with deliveries in flight ($kind)";
    ok !$lmtp->opened, 'closes';
    is join('; ', map { codes($lmtp->collect->results) } 1 .. 5), join('; ', ('250 452') x 5), 'waits for them, and they stay collectable';
    is $lmtp->collect, undef, 'once';
    undef $lmtp;
    is +(grep { $_->{ended} } values %{ $server->truth->{messages} }), 5, 'the server has them';

    $lmtp = connect_to($server, server => { keywords => $keywords{$kind}, lies => { 'final m1 0' => { instead => [], then => 'hang' } } });
    $lmtp->submit(simple("m$_")) for 1 .. 3;
    ok $lmtp->close, "close with deliveries in flight ($kind)";
    my @ends = map { codes($lmtp->collect->results) } 1 .. 3;
    is scalar(grep {/\A421(?:-connect|-mail|-rcpt|-data|-body|\?)\z/} @ends), 3, 'makes them deferrals' or diag "@ends";
    is $lmtp->in_flight, 0, 'none is left';
    is codes($lmtp->deliver(simple('m9'))), '421-connect', 'the next one finds no link';
    ok !eval { $lmtp->mail('m9@x') }, 'nor does mail';
    undef $lmtp;
    $truth = $server->truth;
    ok !(grep { $truth->{messages}{"m$_"} && $truth->{messages}{"m$_"}{ended} && $ends[ $_ - 1 ] !~ /[?]/ } 1 .. 3),
        'and what the server may have is maybe delivered';

    # An object that goes away with deliveries in flight has nobody to tell; it must only not crash.
    $lmtp = connect_to($server, @server);
    $lmtp->submit(simple("m$_")) for 1 .. 3;
    undef $lmtp;
    is_deeply $server->truth->{problems}, [], "an object that is forgotten ($kind)";
}

done_testing;
