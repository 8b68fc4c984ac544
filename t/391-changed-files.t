# A file that is sent from where it is, and is written to when its bytes are under way and the server has not read them: what arrives is
# what the file has then, so the server's success is not one for what was given.

use strict;
use warnings;

use Test::More;

use lib 't/lib';
use DeliveryTest;
use Net::LMTP;
use Net::QMTP;
use QMTPServer;
use ScriptedServer;

# Where files are read, and what was read is sent, the change comes too late to matter.
my $IS_READ = $^O ne 'linux' || $ENV{MW_IO_POSIX_ONLY};

my $text  = (('x' x 70) . "\r\n") x 1400;
my @hello = ('250-me', '250-PIPELINING', '250 CHUNKING');

sub greet {
    my ($peer) = @_;
    $peer->reply('220 hi');
    $peer->expect(qr/^LHLO/);
    $peer->reply(@hello);
    envelope($peer, 1);
    $peer->expect('DATA');
    $peer->reply('354 go');
    $peer->data;
    finals($peer, '250 first');
    return;
}

sub envelope {
    my ($peer, $count) = @_;
    $peer->expect($_) for qr/^MAIL/, (qr/^RCPT/) x $count;
    $peer->reply(('250 ok') x (1 + $count));
    return;
}

sub finals {
    my ($peer, @finals) = @_;
    my $line = $peer->line;
    $peer->reply(@finals);
    $peer->reply('250 ok') if $line eq 'RSET';
    $peer->expect(qr/^LHLO/) if $line eq 'RSET';
    $peer->reply(@hello);
    return;
}

sub probe {
    my ($peer) = @_;
    $peer->expect('MAIL FROM:<>');
    $peer->expect('BDAT 21 LAST');
    $peer->bytes(21);
    $peer->expect('RSET');
    $peer->expect(qr/^LHLO/);
    $peer->reply('250 ok', '503 nobody', '250 ok', @hello);
    return;
}

# Links whose first message, by DATA, was answered.
sub lmtp {
    my ($script) = @_;
    my $server = ScriptedServer->new(script => sub { my ($peer) = @_; greet($peer); $script->($peer) });
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example') or die $@;
    $lmtp->deliver(From => 's@x', To => 'a@x', Data => "first\n");
    return ($server, $lmtp);
}

sub lmtp_to_one {
    return lmtp(sub {
        my ($peer) = @_;
        probe($peer);
        envelope($peer, 1);
        $peer->expect(qr/^BDAT/);
        $peer->stall('under way');
        $peer->bytes(length $text);
        finals($peer, '250 saved');
    });
}

# The content as a chunk that is not the last.
sub lmtp_to_two {
    return lmtp(sub {
        my ($peer) = @_;
        envelope($peer, 2);
        $peer->expect(qr/^BDAT/);
        $peer->stall('under way');
        $peer->bytes(length $text);
        $peer->reply('250 eaten');
        finals($peer, '250 saved', '550 no') if defined $peer->line;
    });
}

sub qmtp_to_two {
    my $server = QMTPServer->new({ listen => 'ipv4' }, sub {
        my ($peer) = @_;
        $peer->stall('under way');
        QMTPServer::take($peer);
        $peer->send(QMTPServer::netstring('Kok', 'Dno'));
    });
    return ($server, QMTPServer::client($server));
}

# Until all that the server is to find when it reads is under way.
sub send_all {
    my ($client, $server) = @_;
    until ($server->passed('under way') and not $client->wants_write) {
        $client->advance;
        select undef, undef, undef, 0.01;
    }
    return;
}

my @ways = (
    # name, the server and the client, recipients, the results when the file changed, and when it did not
    [ 'LMTP',          \&lmtp_to_one, 'a@x',            '421?',      '250' ],
    [ 'LMTP, several', \&lmtp_to_two, [ 'a@x', 'b@x' ], '421-body 421-body', '250 550' ],
    [ 'QMTP',          \&qmtp_to_two, [ 'a@x', 'b@x' ], '450? 550',  '250 550' ],
);

my @changes = (
    # name, what is done to the file, whether it is another content then
    [ 'written to',         sub { open my $fh, '+<', $_[0] or die $!; print {$fh} 'y' x 100;  close $fh or die $! }, 1 ],
    [ 'longer',             sub { open my $fh, '>>', $_[0] or die $!; print {$fh} "more\r\n"; close $fh or die $! }, 1 ],
    [ 'cut',                sub { truncate $_[0], 100 or die $! },     1 ],
    [ 'given another name', sub { rename $_[0], "$_[0].cur" or die $! }, 0 ],
    [ 'removed',            sub { unlink $_[0] or die $! },            0 ],
);

sub delivered {
    my ($way, $change, $source) = @_;
    my ($server, $client) = $way->[1]->();
    my $path = written('sent', $text);
    utime 1, 1, $path or die $!;    # so that the change shows, however coarse the clock is
    $client->submit(From => 's@x', To => $way->[2], $source => $source eq 'File' ? $path : [ $path, 0, length $text ]);
    send_all($client, $server);
    $change->[1]->($path);
    $server->release;
    return $client->collect->results;
}

for my $way (@ways) {
    for my $change (@changes) {
        for my $source (qw(File Range)) {
            my $name = "$way->[0], $source, $change->[0]";
            my @results = delivered($way, $change, $source);
            is(codes(@results), $change->[2] && !$IS_READ ? $way->[3] : $way->[4], $name);
            next if not $results[0]->is_deferral;
            is($results[0]->stage, 'body', '... for its content');
            like($results[0]->message, qr/the file changed while it was read/, '... and it says why');
        }
    }
}

done_testing;
