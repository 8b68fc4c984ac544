package Mail::Wire::Command::Sink;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use IO::Select ();
use Mail::Wire::Command qw(:all);
use Mail::Wire::Result ();
use Mail::Wire::Sink ();
use Mail::Wire::Sink::Record ();
use Mail::Wire::Sink::Rules ();
use Mail::Wire::Sink::Shelf ();
use Mail::Wire::Sink::Store ();
use Mail::Wire::Words ();
use Time::HiRes ();

# mailwire sink: a server that takes mail, shows it, and delivers it nowhere.

# Octets of messages that may wait for us in a sink's process; the seconds between two looks at the file of rules and at signals.
use constant { BACKLOG => 16_000_000, PATIENCE => 0.5 };

my %default = (keep => 1000, 'keep-size' => 100_000_000, size => 50_000_000);

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments,
        qw(lmtp:s@ qmtp:s@ web:s tls starttls rules=s store=s files keep=i keep-size=i size=i count=i json quiet|q));
    _check($option, @arguments);
    my $self = bless { option => $option, sinks => [], count => 0, rules => {}, rules_text => '', on_change => sub { } }, $class;
    $self->{shelf} = Mail::Wire::Sink::Shelf->new(keep => $option->{keep}, octets => $option->{'keep-size'}) if defined $option->{web};
    $self->_read_rules if defined $option->{rules};
    $self->_open;
    $self->{web} = $self->_web if defined $option->{web};
    $self->_announce;
    $self->{web} ? $self->{web}->run : $self->_wait;
    $self->_close;
    return OK;
}

sub _check {
    my ($option, @arguments) = @_;
    fail(USAGE, "'$arguments[0]' is no option; a sink takes no other arguments") if @arguments;
    fail(USAGE, '--starttls is for LMTP: give --tls with --qmtp') if $option->{starttls} and $option->{qmtp};
    fail(USAGE, '--tls and --starttls: one of them') if $option->{starttls} and $option->{tls};
    fail(USAGE, '--files is for --store DIR') if $option->{files} and not defined $option->{store};
    foreach my $name (sort keys %default) {
        fail(USAGE, "--$name is for --web") if $name =~ /keep/ and defined $option->{$name} and not defined $option->{web};
        $option->{$name} = $default{$name} if not defined $option->{$name};
        fail(USAGE, "--$name must be 1 or more") if $option->{$name} < 1;
    }
    fail(USAGE, '--count must be 1 or more') if defined $option->{count} and $option->{count} < 1;
    return;
}

# ---------------------------------------------------------------- the servers

sub _open {
    my ($self) = @_;
    my $option = $self->{option};
    my @places;
    foreach my $protocol (qw(lmtp qmtp)) { push @places, [ $protocol, $_ ] foreach @{ $option->{$protocol} || [] } }
    my $store = defined $option->{store} ? eval { Mail::Wire::Sink::Store->code($option->{store}, files => $option->{files}) } : undef;
    fail(CANT_CREATE, "--store: $@") if defined $option->{store} and not $store;
    push @{ $self->{sinks} }, $self->_sink(@$_, $store) foreach @places ? @places : [ lmtp => '' ];
    return;
}

sub _sink {
    my ($self, $protocol, $place, $store) = @_;
    my $option = $self->{option};
    my %option = (protocol => $protocol, store => $store, backlog => BACKLOG, size => $option->{size}, _place($protocol, $place));
    $option{tls} = $option->{tls} ? 'implicit' : 'starttls' if $option->{tls} or $option->{starttls};
    $option{$_} = 1 foreach $protocol eq 'lmtp' ? qw(dsn smtputf8 binarymime) : ();
    my $sink = eval { Mail::Wire::Sink->new(%option, %{ $self->{rules}{$protocol} || {} }) };
    return $sink || fail(UNAVAILABLE, "--$protocol $place: " . _without_class($@));
}

# PORT, HOST:PORT, or the path of a socket.
sub _place {
    my ($protocol, $place) = @_;
    return () if not length $place;
    return (path => $place) if $place =~ m{/};
    return (port => $place) if $place =~ /\A[0-9]+\z/;
    my ($host, $port) = $place =~ /\A(\[[^\]]*\]|[^:]*):([0-9]+)\z/
        or fail(USAGE, "--$protocol $place: give PORT, HOST:PORT or the path of a socket; HOST is 127.0.0.1 or [::1]");
    $host =~ s/\A\[|\]\z//g;
    return (address => $host eq 'localhost' ? '127.0.0.1' : $host, port => $port);
}

sub _without_class {
    my ($error) = @_;
    my @lines = map { Mail::Wire::Words::said($_) } split /\n/, $error;
    s/\AMail::Wire::Sink: // foreach @lines;
    return join '; ', @lines;
}

# What it listens on, each on a line of its own.
sub _announce {
    my ($self) = @_;
    my @urls = map { { url => $_->url, defined $_->ca_file ? (ca_file => $_->ca_file) : () } } @{ $self->{sinks} };
    push @urls, { url => $self->{web}->url } if $self->{web};
    foreach my $told (@urls) {
        say_out($self->{option}{json} ? _line($told) : join(' --tls-ca ', grep { defined } @{$told}{qw(url ca_file)}) . "\n");
    }
    STDOUT->flush or fail(IO_ERROR, "standard output: $!");
    return;
}

sub _line { return Mail::Wire::Sink::Record::json($_[0]) . "\n" }

# ---------------------------------------------------------------- what comes

sub _wait {
    my ($self) = @_;
    my $handles = IO::Select->new(map { $_->handle } @{ $self->{sinks} });
    while (not $self->is_over) {
        $handles->can_read(PATIENCE);
        $self->look;
    }
    return;
}

sub _web {
    my ($self) = @_;
    require Mail::Wire::Sink::Web;
    Mail::Wire::Sink::Web::is_there() or fail(USAGE, "--web $@");
    my $place = $self->{option}{web};
    my $web = eval { Mail::Wire::Sink::Web->new(owner => $self, place => $place) };
    fail(UNAVAILABLE, "--web $place: " . _without_class($@)) if not $web;
    $self->{on_change} = sub { $web->changed };
    return $web;
}

sub is_over {
    my ($self) = @_;
    return defined stopped() || defined $self->{option}{count} && $self->{count} >= $self->{option}{count};
}

sub sinks { return @{ $_[0]{sinks} } }
sub shelf { return $_[0]{shelf} }

# What has come, and what has changed.
sub look {
    my ($self) = @_;
    $self->take;
    $self->_look_at_rules;
    return;
}

# Everything whose replies have been sent is here afterwards.
sub take {
    my ($self) = @_;
    foreach my $sink (@{ $self->{sinks} }) {
        my @messages = eval { $sink->take };
        $self->_on_error($@) if $@;
        $self->_on_message($_) foreach @messages;
        $self->{on_change}->() if @messages;
    }
    return;
}

# A process that a signal to all of us has ended is no fault.
sub _on_error {
    my ($self, $error) = @_;
    Time::HiRes::sleep(0.1) if $error =~ /process has gone/ and not defined stopped();
    return if defined stopped();
    fail(SOFTWARE, _without_class($error)) if $error =~ /process has gone/;
    warn _without_class($error) . "\n";
    return;
}

sub _on_message {
    my ($self, $message) = @_;
    @{$message}{qw(id time)} = (++$self->{count}, Time::HiRes::time());
    $self->{shelf}->add($message) if $self->{shelf};
    return if $self->{option}{quiet};
    say_out($self->{option}{json} ? _line(Mail::Wire::Sink::Record::described($message)) : _lines($message));
    STDOUT->flush or fail(IO_ERROR, "standard output: $!");
    return;
}

sub _lines {
    my ($message) = @_;
    return map {
        my $status = Mail::Wire::Sink::Record::status($_);
        my @words = map { Mail::Wire::Result::_on_one_line($_) } $message->{from}, @{$_}{qw(address reply)};
        sprintf "%d: <%s> to <%s>: %s (%s) %s\n", $message->{id}, @words[ 0, 1 ], $status, $_->{stage}, $words[2];
    } @{ $message->{recipients} };
}

# What came until the end is shown as well.
sub _close {
    my ($self) = @_;
    foreach my $sink (@{ $self->{sinks} }) { eval { $sink->stop; 1 } or $self->_on_error($@) }
    $self->take;
    return;
}

# ---------------------------------------------------------------- rules

# The rules that hold, as text.
sub rules_text { return $_[0]{rules_text} }

# '' or what is wrong with the text; nothing has changed then.
sub set_rules {
    my ($self, $text) = @_;
    my ($rules, $wrong) = Mail::Wire::Sink::Rules::parse($text);
    return $wrong if not $rules;
    foreach my $sink (@{ $self->{sinks} }) { $sink->rules(%{ $rules->{ $sink->protocol } }) }
    @{$self}{qw(rules rules_text)} = ($rules, $text);
    $self->take;
    return '';
}

sub _read_rules {
    my ($self) = @_;
    my $path = $self->{option}{rules};
    $self->{rules_stamp} = _stamp($path);
    open my $in, '<:raw', $path or fail(NO_INPUT, "--rules $path: $!");
    my $text = do { local $/; <$in> };
    my $wrong = $self->set_rules(defined $text ? $text : '');
    fail(USAGE, "--rules $path: $wrong") if $wrong;
    return;
}

# A file that is wrong changes nothing.
sub _look_at_rules {
    my ($self) = @_;
    my $path = $self->{option}{rules};
    return if not defined $path or _stamp($path) eq $self->{rules_stamp};
    my $is_read = eval { $self->_read_rules; 1 };
    my $error = $@;
    die $error if not $is_read and ref $error ne 'Mail::Wire::Command::Failure';
    warn $is_read ? "--rules $path: changed\n" : "$error->{text}; the rules are what they were\n";
    $self->{on_change}->() if $is_read;
    return;
}

sub _stamp {
    my ($path) = @_;
    my @stat = Time::HiRes::stat($path);
    return join ' ', @stat ? @stat[ 0, 1, 7, 9, 10 ] : 'none';
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Sink - mailwire sink: takes messages, shows them, delivers them nowhere

=head1 SYNOPSIS

    mailwire sink [--lmtp [ADDR]] [--qmtp [ADDR]] [--web [ADDR]]

    A server for tests of programs that send mail. Prints what it listens
    on, then a line for each recipient of what comes, until SIGINT.

      --lmtp, --qmtp [ADDR]    PORT, HOST:PORT or the path of a socket; as
                               often as wanted. Without: LMTP, a free port
      --tls, --starttls        by a certificate made on the spot
      --rules FILE             what is refused: lines such as
                               rcpt *@bad.example 550 5.1.1 No such user
      --store DIR              puts messages into a Maildir
      --files                  ... as files .eml, with .json beside them
      --size OCTETS            the longest message (50000000)
      --count N                ends when N messages have come
      --web [ADDR]             a page to see messages and set rules
      --keep N                 messages that it keeps (1000)
      --keep-size OCTETS       of all of them (100000000)
      --json                   lines of JSON
      -q, --quiet              only what it listens on

    The page's API, rules, examples: perldoc Mail::Wire::Command::Sink

=head1 DESCRIPTION

An LMTP (RFC 2033) and QMTP server on loopback or UNIX-domain sockets, by L<Mail::Wire::Sink>. The first lines on standard output are what
it listens on, one URL a line, in the order C<--lmtp>, C<--qmtp>, C<--web>; with TLS, C<--tls-ca> and the file with the certificate of who
has signed the server's stand behind the URL, as the other commands take them. Then comes a line for each recipient:

    1: <ann@example.org> to <ben@example.org>: success (final) 250 2.0.0 Delivered

The number is the message's. With C<--json> there is an object with C<url> and C<ca_file> for each address, and then one for each message,
with the fields of L</Messages>. SIGINT and SIGTERM end it, with exit code 0; what has been accepted until then is shown. No process of it
stays behind, however it ends. Other exit codes are in L<mailwire/EXIT CODES>.

Without C<--web> and C<--store> nothing is kept. Memory is bounded: C<--keep-size> and C<--size> octets, and 16 million on their way to
where they are shown; clients wait when these are full. A message that is longer than C<--size> is refused.

=over

=item --store DIR, --files

Messages are stored before their final replies are sent, and a recipient whose message can't be stored is answered 451 (over QMTP Z). DIR is
made if it is not there. In a Maildir each message that was accepted for anybody has C<Return-Path> and C<Delivered-To> fields in front;
with C<--files> all messages are there, octet by octet, and in a file F<.json> of the same name is the envelope, as in L</Messages>.
Files are written and renamed, not synced to the disk.

=item --web ADDR

The page is at the URL that is printed. ADDR is PORT or HOST:PORT, a free port of 127.0.0.1 if it is not given; whoever can reach it can
read all and set rules. Needs Mojolicious (Debian: libmojolicious-perl) and Email::MIME (libemail-mime-perl). Requests by pages of other
sites are refused, as are those by any name but C<localhost>, an IP address, or the HOST given. HTML of messages is shown in a frame
without scripts, and nothing is loaded from elsewhere.

=back

=head1 RULES

The file of C<--rules>, and the page, have one rule a line; empty lines and those that begin with C<#> are none:

    # stage   whom for              reply
    mail      *@spam.example        554 5.7.1 Go away
    rcpt      nobody@example.org    550 5.1.1 No such user
    rcpt      *@slow.example        451 4.3.0 Try again
    final     full@example.org      452 4.2.2 Mailbox full
    data      451 4.3.0 Not now

C<mail> goes by the sender (C<""> is the null one), C<rcpt> and C<final>, the verdict when the message has come, by the recipient.
C<*> is any text; an address itself goes before patterns, longer patterns before shorter ones. C<greeting>, C<data> and C<body> (a
C<BDAT> that is not the last) have a reply only; C<verb> has a command, such as NOOP, and a reply. These four are for LMTP. Over
QMTP 2yz is K, 4yz Z and 5yz D. A reply 421 ends the link.

A line that is wrong is told by its number, and changes nothing. The file is looked at twice a second, and read again when it has changed;
to change it in one step, write another and rename it. A change holds for what comes from then on, also on links that are open. Rules set
by the page hold until the file changes.

=head1 API

Of C<--web>, below its URL. Replies are JSON (RFC 8259) where nothing else is said; errors have status 4xx or 5xx and a field C<error>.
A message whose final reply the client has seen is always there.

=over

=item GET api/messages?search=TEXT&limit=N&before=ID&after=ID

C<messages>, from the oldest to the newest, all arguments being optional: those with TEXT in their envelope, header or text; the last N;
with ids below or above ID. C<more> is how many were left out by C<limit>; C<total> how many have come since the last clear, C<dropped>
how many of these are not kept any more, C<cleared> how often messages were taken away.

=item GET api/wait?count=N&seconds=S&search=TEXT

The same, when N messages (default 1), of those with TEXT if it is given, are there; status 504 if they are not within S seconds (10; 600 at
the most).

=item GET api/messages/ID

One message, with C<fields> (a list of name and value) of its header, C<text> (of the first part that is text, or null), C<html> (is there
any?), C<parts> (C<number>, C<type>, C<name>, C<size>, C<image>), and C<problem>, the reason why it was not taken apart, or null.

=item GET api/messages/ID/source, api/messages/ID/html, api/messages/ID/parts/NUMBER

The octets as they came; HTML, made safe for a frame; a part, decoded.

=item DELETE api/messages, api/messages/ID

Forgets all, or one. Status 204.

=item GET api/rules, PUT api/rules

An object with C<text>; sets the rules to the request's body. Status 204, or 422 where a line is wrong: nothing has changed then.

=item GET api, GET api/events

C<servers> (C<url>, C<protocol>, C<ca_file>), C<total>, C<dropped>, C<version>; events (text/event-stream) named C<changed>, when
something has come or gone.

=back

=head2 Messages

C<id>, from 1; C<time>, in seconds since 1970; C<protocol>, C<link>, C<lhlo>, C<by> and C<stored> as in L<Mail::Wire::Sink/messages>;
C<size>, in octets; C<from> and C<from_params>; C<recipients>, a list of objects with C<address>, C<status> (C<success>, C<deferral>,
C<failure>; C<none> for what is no reply), C<stage>, C<reply> and C<params>; by the API also C<subject>, C<author> (the field From), C<to>
and C<date>, decoded.

=head1 EXAMPLES

In the shell:

    mailwire sink --lmtp 2424 --count 1 --store mail -q > urls &
    until grep -qs lmtp: urls; do sleep 0.1; done
    ./program --lmtp 127.0.0.1:2424
    wait $! && grep '^Subject: Welcome' mail/new/*

In Python, by the API:

    import json, subprocess, unittest, urllib.request

    class Welcome(unittest.TestCase):
        def setUp(self):
            self.sink = subprocess.Popen(['mailwire', 'sink', '--lmtp', '--web', '-q'], stdout=subprocess.PIPE, text=True)
            self.addCleanup(self.sink.stdout.close)
            self.addCleanup(self.sink.wait)
            self.addCleanup(self.sink.terminate)
            self.lmtp, self.web = self.sink.stdout.readline().strip(), self.sink.stdout.readline().strip()

        def api(self, method, path, body=None):
            request = urllib.request.Request(self.web + 'api/' + path, method=method, data=body)
            return urllib.request.urlopen(request).read()

        def test_welcome(self):
            self.api('PUT', 'rules', b'rcpt *@bad.example 550 5.1.1 No such user')
            subprocess.run(['./program', '--lmtp', self.lmtp[len('lmtp://'):]], check=True)
            message = json.loads(self.api('GET', 'wait?count=1'))['messages'][0]
            self.assertEqual(message['subject'], 'Welcome')

    unittest.main()

In Perl, L<Mail::Wire::Sink> is there without a command:

    use Test::More;
    use Mail::Wire::Sink;

    my $sink = Mail::Wire::Sink->new;
    is(system('./program', '--lmtp', $sink->host . ':' . $sink->port), 0, 'it says that it has sent all');
    like(($sink->messages)[0]{data}, qr/^Subject: Welcome/m, 'the right message has come');
    done_testing;

=head1 SEE ALSO

L<mailwire>, L<Mail::Wire::Sink>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
