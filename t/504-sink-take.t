# A sink whose messages are taken as they come, and stored before their replies.

use strict;
use warnings;

use File::Temp ();
use IO::Select ();
use Mail::Wire ();
use Mail::Wire::Sink ();
use Mail::Wire::Sink::Store ();
use Net::LMTP;
use POSIX ();
use Test::More;

# Hands a message over, and has what each recipient was answered.
sub sent {
    my ($sink, %arg) = @_;
    my $client = Mail::Wire->connect($sink->url) or die "no link: $@";
    my @results = $client->deliver(From => 'a@x', To => [ 'b@x', 'c@x' ], Data => "Subject: x\n\nHello.\n", %arg);
    return join ' ', map { $_->status } @results;
}

for my $protocol (qw(lmtp qmtp)) {
    my $sink = Mail::Wire::Sink->new(protocol => $protocol, backlog => 1_000_000);
    is(scalar(my @none = $sink->take), 0, "$protocol: nothing yet");
    my $wait = IO::Select->new($sink->handle);
    ok(!$wait->can_read(0), '... nor to be read from');
    sent($sink, From => "$_\@x") for 1 .. 3;
    my @taken;
    while (@taken < 3) {
        $wait->can_read(30) or die 'never told that something has come';
        push @taken, map { $_->{from} } $sink->take;
    }
    is("@taken", '1@x 2@x 3@x', '... each once, in order');
    is(scalar(my @rest = $sink->messages), 0, '... and forgotten');
    is(scalar(my @commands = $sink->commands), 0, '... no commands are kept');
    sent($sink);
    $sink->rules(rcpt => undef);
    is(scalar(my @behind = $sink->take), 1, '... what came before another call is there');
    sent($sink);
    $sink->stop;
    is(scalar(my @last = $sink->take), 1, '... what came before the end as well');
}

# Whoever sends waits while nobody takes, and nothing is lost by it.
{
    my $sink = Mail::Wire::Sink->new(backlog => 100_000, size => 50_000);
    $sink->take;
    defined(my $pid = fork) or die "fork: $!";
    POSIX::_exit(send_many($sink) == 20 ? 0 : 1) if !$pid;
    my ($taken, $wait) = (0, IO::Select->new($sink->handle));
    while ($taken < 20) {
        $wait->can_read(30) or die 'never told that something has come';
        my @messages = $sink->take;
        is((grep { length $_->{data} < 40_000 } @messages) + 0, 0, 'whole messages');
        cmp_ok(scalar @messages, '<=', 3 + 6, 'not more than fit, and what was read with them');
        $taken += @messages;
    }
    waitpid $pid, 0;
    is($?, 0, 'all are answered');
    is(sent($sink, Data => 'y' x 60_000), 'failure failure', 'too long');
    is(scalar(my @none = $sink->take), 0, '... by what the client says of it');
}
{
    my $sink = Mail::Wire::Sink->new(protocol => 'qmtp', backlog => 100_000, size => 50_000);
    is(sent($sink, Data => 'y' x 60_000), 'failure failure', 'too long, and not said before');
    is(length +($sink->take)[0]{data}, 50_000, '... not kept beyond what may come');
}

sub send_many {
    my ($sink) = @_;
    my $client = Net::LMTP->new($sink->host, $sink->port) or return 0;
    $client->submit(From => 'a@x', To => 'b@x', Data => "$_\n" . 'x' x 40_000) for 1 .. 20;
    return scalar grep { $client->collect->is_success } 1 .. 20;
}

# ---------------------------------------------------------------- store

my $folder = File::Temp->newdir;

for my $protocol (qw(lmtp qmtp)) {
    my ($full, $no) = $protocol eq 'qmtp' ? ('Zfull (#4.2.2)', 'Dno (#5.1.1)') : ('452 4.2.2 Full', '550 5.1.1 No');
    my $path = "$folder/$protocol";
    my $sink = Mail::Wire::Sink->new(protocol => $protocol, final => { 'c@x' => $full, 'd@x' => $no }, store => Mail::Wire::Sink::Store->code($path));
    is(sent($sink), 'success deferral', "$protocol: one of two accepted");
    my ($file) = glob "$path/new/*";
    is(($sink->messages)[0]{stored}, $file, '... it is stored') or diag explain [ glob "$path/*/*" ];
    my $text = slurp($file);
    $text =~ s/\r//g;
    is($text, "Return-Path: <a\@x>\nDelivered-To: b\@x\nSubject: x\n\nHello.\n", '... with its envelope');
    is(sent($sink, To => 'c@x'), 'deferral', '... accepted for nobody');
    is(scalar(my @files = glob "$path/new/*"), 1, '... not stored');
    ok(rename("$path/tmp", "$path/gone"), '... no folder any more');
    is(sent($sink), 'deferral deferral', '... nobody is told that it was accepted');
    is(sent($sink, To => [ 'b@x', 'd@x' ]), 'deferral failure', '... and who was refused is');
    is(eval { $sink->messages; 1 }, undef, '... and we are told why');
    like($@, qr{store: .*/tmp/}, '... in words');
    is_deeply([ map { $_->{accepted} } @{ ($sink->messages)[2]{recipients} } ], [ 0, 0 ], '... the record says the same');
}
{
    my $sink = Mail::Wire::Sink->new(final => { 'c@x' => '550 5.1.1 No' }, store => Mail::Wire::Sink::Store->code("$folder/files", files => 1));
    sent($sink);
    my ($eml)  = glob "$folder/files/*.eml";
    my ($json) = glob "$folder/files/*.json";
    is(slurp($eml), "Subject: x\r\n\r\nHello.\r\n", 'files: the octets');
    like(slurp($json), qr/"address":"c\@x".*"reply":"550 5\.1\.1 No".*"status":"failure"/, '... the envelope beside them');
    is(scalar(my @all = glob "$folder/files/*"), 2, '... nothing else');
}
is(eval { Mail::Wire::Sink->new(store => 'x'); 1 }, undef, 'store must be code');
is(eval { Mail::Wire::Sink::Store->code("$folder/no/such"); 1 }, undef, 'a folder that can not be made');

done_testing;

sub slurp {
    my ($path) = @_;
    open my $in, '<:raw', $path or die "$path: $!";
    local $/;
    return scalar <$in>;
}
