package Mail::Wire::Command::Check;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire ();
use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Report ();
use Mail::Wire::Result ();

# mailwire check: what a server is like, found out without a message.

use constant { DAY => 86_400, WARN_DAYS => 14, ROUND_TRIPS => 3, PATIENCE => 10, WARNING => 1, CRITICAL => 2 };

# In the order in which they are shown: name in JSON, words, unit.
my @facts = (
    [ connect_ms => 'connecting',    ' ms' ], [ round_trip_ms => 'round trip', ' ms' ], [ greeting => 'greeting', '' ], [ tls => 'TLS', '' ],
    [ subject    => 'certificate',   '' ],    [ issuer    => 'issued by', '' ], [ days_left => 'which lasts', ' days' ],
    [ offers     => 'offers',        '' ],    [ recipient => 'recipient', '' ], [ fence     => 'fence', '' ], [ probe => 'probe', '' ],
);

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, Mail::Wire::Command::Connection::OPTIONS, qw(json nagios rcpt=s warn-days=s));
    my $url = Mail::Wire::Command::Connection::take_url(\@arguments);
    fail(USAGE, "what is '$arguments[0]'? One URL at a time") if @arguments;
    fail(USAGE, '--rcpt: QMTP has no way to ask for a recipient without sending') if defined $option->{rcpt} and $url =~ /\Aqmtp/i;
    fail(USAGE, '--rcpt: the address is empty') if defined $option->{rcpt} and not length $option->{rcpt};
    my $days = $option->{'warn-days'};
    fail(USAGE, "--warn-days: a number, not '$days'") if defined $days and $days !~ /\A[0-9]+\z/;
    my $self = bless { option => $option, url => $url, fact => {}, problems => [], code => OK }, $class;
    eval { interruptible(sub { $self->_look }); 1 } or $self->_note(failure($@));
    fail(USAGE, $self->{problems}[-1]) if $self->{code} == USAGE;
    $self->_tell;
    return $option->{nagios} && $self->{code} > WARNING ? CRITICAL : $self->{code};
}

# What is wrong; the last is the worst.
sub _note {
    my ($self, $code, $why) = @_;
    $self->{code} = $code;
    push @{ $self->{problems} }, $why;
    return;
}

sub _look {
    my ($self) = @_;
    my $fact = $self->{fact};
    my ($client, $took) = _timed(sub { Mail::Wire::Command::Connection::dial($self->{url}, $self->{option}) });
    $fact->{connect_ms} = $took;
    $self->_look_at_tls($client) if $client->is_tls;
    $self->_look_at_session($client) if $client->can('supports');
    $client->quit;
    return;
}

# What the code returns, and milliseconds.
sub _timed {
    my ($code) = @_;
    my $begun = Mail::Wire::_now();
    my $value = $code->();
    return ($value, sprintf('%.1f', 1000 * (Mail::Wire::_now() - $begun)) + 0);
}

sub _look_at_tls {
    my ($self, $client) = @_;
    my ($fact, $warn) = ($self->{fact}, $self->{option}{'warn-days'});
    $fact->{tls} = join ' ', $client->get_sslversion, $client->get_cipher;
    @{$fact}{qw(subject issuer)} = map { scalar $client->peer_certificate($_) } qw(subject issuer);
    require IO::Socket::SSL::Utils;
    my $ends = IO::Socket::SSL::Utils::CERT_asHash(scalar $client->peer_certificate)->{not_after};
    require POSIX;
    $fact->{days_left} = POSIX::floor(($ends - time) / DAY);
    $self->_note(WARNING, "the certificate ends in $fact->{days_left} days") if $fact->{days_left} < (defined $warn ? $warn : WARN_DAYS);
    return;
}

sub _look_at_session {
    my ($self, $client) = @_;
    my ($fact, $name) = ($self->{fact}, _name($self->{option}));
    $fact->{greeting} = $client->banner;
    $fact->{greeting} =~ s/\s+\z// if defined $fact->{greeting};
    $client->hello($name) or fail(PROTOCOL, 'LHLO: ' . $client->last_error);
    $fact->{offers} = [ _offer($client) ];
    ($fact->{round_trip_ms}) = sort { $a <=> $b } map { _round_trip($client) } 1 .. ROUND_TRIPS;
    $self->_ask_for($client, $self->{option}{rcpt}) if defined $self->{option}{rcpt};
    return if not $client->is_connected;
    $client->timeout(PATIENCE) if not defined $self->{option}{timeout};
    $fact->{fence} = _fence($client, $name) if defined $client->supports('PIPELINING');
    $fact->{probe} = _probe($client, $name) if defined $client->supports('CHUNKING') and $client->is_connected;
    return;
}

sub _round_trip {
    my ($client) = @_;
    my ($is_taken, $took) = _timed(sub { $client->_NOOP });
    $is_taken or $client->is_connected or fail(PROTOCOL, 'NOOP: ' . $client->last_error);
    return $took;
}

sub _name {
    my ($option) = @_;
    return $option->{hello} if defined $option->{hello};
    require Net::Domain;
    my $name = Net::Domain::hostfqdn();
    return defined $name && length $name ? $name : 'localhost.localdomain';
}

# The lines of the last reply behind its first.
sub _offer {
    my ($client) = @_;
    my (undef, @keywords) = $client->message;
    s/\s+\z// foreach @keywords;
    return @keywords;
}

# Whether the last reply is one to LHLO: the names are those that were offered.
sub _is_anchor {
    my ($client, $offered) = @_;
    my ($was, $is) = map { join ' ', sort grep { !/\A(?:AUTH|STARTTLS)\z/ } map { /\A(\S+)/ ? uc $1 : () } @$_ } $offered, [ _offer($client) ];
    return $client->ok && $was eq $is;
}

sub _ask_for {
    my ($self, $client, $address) = @_;
    $client->mail('');
    $client->recipient($address);
    my ($result) = $client->results;
    my $code = $client->ok ? OK : Mail::Wire::Command::Report::code_of($result);
    $self->{fact}{recipient} = "<$address>: " . ($code == OK ? 'is taken' : join ' ', $result->code, $result->message);
    $self->_note($code, "recipient $self->{fact}{recipient}") if $code != OK;
    $client->reset if $client->is_connected;
    return;
}

# Whether replies can be told apart by an LHLO between messages, when commands are sent together (RFC 2920).
sub _fence {
    my ($client, $name) = @_;
    my @offered = _offer_of($client, $name);
    $client->command('RSET');
    $client->command('LHLO', $name);
    my $is_reset = $client->response == 2 && !_is_anchor($client, \@offered);
    $client->response;
    return $is_reset && _is_anchor($client, \@offered) ? 'holds' : 'does not hold: RSET and LHLO, sent together, got ' . $client->code;
}

sub _offer_of {
    my ($client, $name) = @_;
    $client->hello($name);
    return _offer($client);
}

# Whether a chunk for nobody is eaten (RFC 3030), or run as commands: it is an LHLO. Nothing is accepted by it: there is no recipient. These
# lines pass the session by, which would not send the chunk.
sub _probe {
    my ($client, $name) = @_;
    my @offered = _offer_of($client, $name);
    my $chunk = "LHLO $name\r\n";
    $client->print('MAIL FROM:<>', "\r\n", 'BDAT ', length $chunk, " LAST\r\n", $chunk, "RSET\r\n", "LHLO $name\r\n");
    my @is_anchor = map { $client->response; [ $client->code, _is_anchor($client, \@offered) ] } 1 .. 4;
    my $shape = join '', map { $_->[1] ? 'L' : substr $_->[0], 0, 1 } @is_anchor;
    $client->_NOOP if $client->is_connected;
    my $is_behind = $client->is_connected && !_is_anchor($client, \@offered);
    return 'passes: a chunk of nobody is refused and eaten' if $shape =~ /\A2[45]2L\z/ and $is_behind;
    return 'fails: the server runs a refused chunk as commands' if $shape =~ /\A2[45]L/;
    return 'fails: replies ' . join ' ', map { $_->[0] } @is_anchor;
}

# ---------------------------------------------------------------- the report

sub _tell {
    my ($self) = @_;
    my ($fact, $code) = @{$self}{qw(fact code)};
    my $state = $code == OK ? 'OK' : $code == WARNING ? 'WARNING' : 'CRITICAL';
    if ($self->{option}{json}) {
        my %all = (%$fact, url => $self->{url}, state => $state, code => $code, problems => $self->{problems});
        Mail::Wire::Command::Report->new({ json => 1 })->object(\%all);
        return;
    }
    say_out(Mail::Wire::Result::_on_one_line(join ': ', $state, join('; ', @{ $self->{problems} }) || $self->{url}), "\n");
    foreach my $row (grep { defined $fact->{ $_->[0] } } @facts) {
        my ($name, $words, $unit) = @$row;
        my $value = ref $fact->{$name} ? join ', ', @{ $fact->{$name} } : $fact->{$name};
        say_out(sprintf('  %-12s ', $words), Mail::Wire::Result::_on_one_line("$value$unit"), "\n");
    }
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Check - mailwire check: looks at a server

=head1 SYNOPSIS

    mailwire check URL

    Connects and says what the server is like: TLS, certificate, what it
    offers, how fast it answers. It leaves no mail behind.

      --rcpt ADDRESS           asks whether this recipient is taken
      --warn-days DAYS         warns when the certificate ends sooner (14)
      --nagios                 exit codes of monitoring plugins: 0, 1, 2
      --json                   one object of JSON
      --trace                  shows the session

    TLS, AUTH, times: mailwire help link.   Exit codes: man mailwire-check.

=head1 DESCRIPTION

The first line is C<OK>, C<WARNING> or C<CRITICAL> and why; then come, as far as they are known:

=over

=item connecting, round trip

Milliseconds until mail can be sent, TLS and authentication included; and for a NOOP, the least of three.

=item TLS, certificate, issued by, which lasts

Version and cipher, whose certificate it is, and for how many days.

=item offers

The keywords of LHLO.

=item recipient

What the server says to the recipient of C<--rcpt>, of a message from the null sender that is taken back by RSET.

=item fence

Where PIPELINING is offered: whether RSET and LHLO that are sent together get a reply each. By that, replies to messages which follow each other
are told apart.

=item probe

Where CHUNKING is offered: whether a chunk is eaten when nobody is there to get it. Servers that run it as commands get no chunk before a
recipient was accepted.

=back

Of a QMTP server only connecting and TLS can be said, as it has nothing but messages; C<--rcpt> is bad usage there.

=head2 Exit codes

0; 1 when the certificate ends within C<--warn-days>; else those of L<mailwire/EXIT CODES>. With C<--nagios> it is 2 for all of these but
bad usage, which is 64.

=head1 SEE ALSO

L<mailwire>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
