package Mail::Wire::Sink::LMTP;

# One LMTP link (RFC 2033 on top of RFC 5321), as octets in and octets out.

use strict;
use warnings;
use re 'taint';

use parent 'Mail::Wire::Sink::Link';

our $VERSION = '1.000';

# Longest command line taken: eight times RFC 5321 4.5.3.1.4, for long ORCPTs.
# What is longer is refused without being kept.
use constant MAX_LINE => 4096;

# The end of the data, and how many octets may be the beginning of one.
use constant { DATA_END => "\r\n.\r\n", DATA_HOLD => 4 };

my %SAY = (
    greeting   => '220 localhost LMTP Mail::Wire::Sink ready',
    mail       => '250 2.1.0 Sender ok',
    rcpt       => '250 2.1.5 Recipient ok',
    data       => '354 End data with <CRLF>.<CRLF>',
    body       => '250 2.0.0 Chunk ok',
    final      => '250 2.0.0 Delivered',
    rset       => '250 2.0.0 Reset',
    noop       => '250 2.0.0 Ok',
    vrfy       => '252 2.5.0 Cannot verify, but will take mail for it',
    help       => '214 2.0.0 See RFC 2033',
    quit       => '221 2.0.0 Bye',
    starttls   => '220 2.0.0 Go ahead',
    unknown    => '500 5.5.1 Command not known',
    syntax     => '501 5.5.4 Bad arguments',
    too_long   => '500 5.5.2 Line too long',
    bad_end    => '500 5.5.2 Line does not end in CRLF',
    sequence   => '503 5.5.1 Bad sequence of commands',
    no_rcpt    => '503 5.5.1 No valid recipient',
    bad_param  => '555 5.5.4 Parameter not offered',
    too_big    => '552 5.3.4 Message too big',
    not_ascii  => '553 5.6.7 Address not ASCII, and no SMTPUTF8',
    unstored   => '451 4.3.0 Not stored',
    extra      => '250 2.0.0 One reply too many',
);

my %COMMAND = (
    LHLO => \&_lhlo, MAIL => \&_mail, RCPT => \&_rcpt, DATA => \&_data, BDAT => \&_bdat,
    RSET => \&_rset, QUIT => \&_quit, STARTTLS => \&_starttls,
    NOOP => _fixed('noop'), VRFY => _fixed('vrfy'), HELP => _fixed('help'),
);

my %STEP = (
    command => \&_step_command,
    skip    => \&_step_skip,
    data    => \&_step_data,
    chunk   => \&_step_chunk,
    tls     => \&_step_tls,
);

# A path, with RFC 5321's quoted local parts.
my $PATH = qr/<((?:"(?:[^"\\]|\\.)*"|[^<>\s"])*)>/;

# The keyword that brings each MAIL or RCPT parameter (others: one of its name).
my %PARAM_OF = (
    RET => 'DSN', ENVID => 'DSN', NOTIFY => 'DSN', ORCPT => 'DSN',
);

# Stages that are a message's.
my %CONTENT = map { $_ => 1 } qw(data body final);

my $CLOSING = qr/^421[ \r\n]/m;

sub new {
    my ($class, %arg) = @_;
    my $self = $class->SUPER::new(%arg);
    $self->{state} = 'command';
    return $self;
}

sub greet { my ($self) = @_; $self->_reply('greeting', $self->{script}->reply_for('greeting')); return }
sub step  { my ($self) = @_; return $STEP{ $self->{state} }->($self) }

# ---- replies

# Says $reply, or the default named $name; returns the octets.  A 421 announces
# that the server is about to close (RFC 5321 3.8).
sub _reply {
    my ($self, $stage, $reply, $name) = @_;
    my $octets = $self->_format($reply, $name || $stage);
    my $emit   = $CONTENT{$stage} && $self->_is_probe ? 'emit_uncounted' : 'emit';
    $self->$emit($stage, $octets);
    $self->end if $octets =~ $CLOSING;
    return $octets;
}

# DATA and BDAT with no recipient in front of them begin no message.  A client
# finds out by them what the server makes of a chunk that it refuses.
sub _is_probe { my ($self) = @_; return !$self->{mail} || !@{ $self->{mail}{rcpts} } }

# First digit of the code; 0 for what is no reply.
sub _class_of { return $_[0] =~ /^([0-9])[0-9]{2}[ \r\n]/m ? $1 : 0 }

# A reply as a test gives it: text of one line, a list of lines, or a reference
# to octets that go out as they stand.
sub _format {
    my ($self, $reply, $name) = @_;
    $reply = $self->_default($name) if !defined $reply;
    return $$reply if ref $reply eq 'SCALAR';
    my @lines = ref $reply ? @$reply : $reply;
    my $last  = pop @lines;
    s/\A([0-9]{3})(?: |\z)/$1-/ for @lines;
    return join '', map { "$_\r\n" } @lines, $last;
}

sub _default {
    my ($self, $name) = @_;
    my $text = $SAY{$name};
    $text =~ s/\A([0-9]{3}) [245]\.[0-9]+\.[0-9]+/$1/ if !$self->{script}->enhanced;
    return $text;
}

# ---- commands

sub _step_command {
    my ($self) = @_;
    my $end = index $self->{in}, "\n";
    if ($end < 0 || $end >= MAX_LINE) {
        return 0 if $end < 0 && length $self->{in} < MAX_LINE;
        $self->{state} = 'skip';
        return 1;
    }
    my $line = substr $self->{in}, 0, $end + 1, '';
    $self->_command($line);
    return 1;
}

sub _step_skip {
    my ($self) = @_;
    my $end = index $self->{in}, "\n";
    if ($end < 0) { $self->{in} = ''; return 0 }
    substr $self->{in}, 0, $end + 1, '';
    $self->{state} = 'command';
    $self->_reply('other', undef, 'too_long');
    return 1;
}

sub _command {
    my ($self, $line) = @_;
    my $whole = $line =~ s/\r\n\z//;
    $self->{on_command}->($line);
    return $self->_reply('other', undef, 'bad_end') if !$whole || $line =~ /[\r\n\0]/;
    my ($verb, $rest) = $line =~ /\A(\S*)\s*(.*?)\s*\z/;
    $verb = uc $verb;
    my $run = $COMMAND{$verb};
    return $run->($self, $rest) if $run;
    my $reply = $self->{script}->reply_for('verbs', $verb, $rest);
    return $self->_reply('other', $reply, 'unknown');
}

# A command whose reply depends on nothing.
sub _fixed {
    my ($name) = @_;
    return sub {
        my ($self, $rest) = @_;
        my $reply = $self->{script}->reply_for('verbs', uc $name, $rest);
        return $self->_reply($name, $reply, $name);
    };
}

# LHLO in mid-session resets, like RSET (RFC 5321 4.1.4).
sub _lhlo {
    my ($self, $name) = @_;
    return $self->_reply('lhlo', undef, 'syntax') if $name !~ /\A\S+\z/;
    my $reply = $self->{script}->reply_for('verbs', 'LHLO', $name);
    my @keywords = grep { !($self->{is_secure} && $_ eq 'STARTTLS') } $self->{script}->keywords;
    $reply = [ map { "250 $_" } 'localhost', @keywords ] if !defined $reply;
    my $octets = $self->_reply('lhlo', $reply);
    return if _class_of($octets) != 2;
    $self->_reset;
    $self->{lhlo} = $name;
    return;
}

# What came behind it, unprotected, is dropped (RFC 3207 4.2).
sub _starttls {
    my ($self, $rest) = @_;
    my $reply   = $self->{script}->reply_for('verbs', 'STARTTLS', $rest);
    my $is_told = $self->{script}->tls ne 'starttls' || $self->{is_secure};
    return $self->_reply('other', $reply, 'unknown') if $is_told;
    return $self->_reply('other', undef, 'syntax') if length $rest;
    $self->{state} = 'tls' if _class_of($self->_reply('other', $reply, 'starttls')) == 2;
    return;
}

sub wants_tls { return $_[0]{state} eq 'tls' }

sub _step_tls { my ($self) = @_; $self->{in} = ''; return 0 }

# The handshake is over: all that the client said before is forgotten.
sub secured {
    my ($self) = @_;
    $self->_reset;
    @$self{qw(in state is_secure)} = ('', 'command', 1);
    delete $self->{lhlo};
    return;
}

sub _reset { my ($self) = @_; delete @$self{qw(mail body chunk failed)}; return }

sub _rset {
    my ($self, $rest) = @_;
    return $self->_reply('rset', undef, 'syntax') if length $rest;
    $self->_reply('rset', $self->{script}->reply_for('verbs', 'RSET', $rest), 'rset');
    $self->_reset;
    return;
}

sub _quit {
    my ($self, $rest) = @_;
    return $self->_reply('quit', undef, 'syntax') if length $rest;
    $self->_reply('quit', $self->{script}->reply_for('verbs', 'QUIT', $rest));
    $self->{out}->end('fin');
    return;
}

sub _mail {
    my ($self, $rest) = @_;
    return $self->_reply('mail', undef, 'sequence') if !defined $self->{lhlo} || $self->{mail};
    my ($from, $text) = $rest =~ /\AFROM:$PATH(?:\s+(.*))?\z/i;
    return $self->_reply('mail', undef, 'syntax') if !defined $from;
    my $params = _params($text);
    my $wrong = $self->_wrong_params($params) || $self->_wrong_address($from, $params);
    return $self->_reply('mail', undef, $wrong) if $wrong;
    my $octets = $self->_reply('mail', $self->{script}->reply_for('mail', $from, $params), 'mail');
    $self->{mail} = { from => $from, params => $params, rcpts => [], accepted => 0 }
        if _class_of($octets) == 2;
    return;
}

sub _rcpt {
    my ($self, $rest) = @_;
    my $mail = $self->{mail};
    return $self->_reply('rcpt', undef, 'sequence') if !$mail || $self->{body};
    my ($address, $text) = $rest =~ /\ATO:$PATH(?:\s+(.*))?\z/i;
    return $self->_reply('rcpt', undef, 'syntax') if !defined $address || !length $address;
    my $params = _params($text);
    my $wrong = $self->_wrong_params($params) || $self->_wrong_address($address, $mail->{params});
    return $self->_reply('rcpt', undef, $wrong) if $wrong;
    my $octets = $self->_reply('rcpt', $self->{script}->reply_for('rcpt', $address, $params), 'rcpt');
    my $accepted = _class_of($octets) == 2 ? 1 : 0;
    $mail->{accepted} += $accepted;
    push @{ $mail->{rcpts} },
        { address => $address, params => $params, accepted => $accepted, stage => 'rcpt', reply => _text($octets) };
    return;
}

sub _text { my ($octets) = @_; $octets =~ s/\r?\n\z//; return $octets }

# "SIZE=100 BODY=8BITMIME X="a b"" as a hash; a bare keyword's value is undef.
sub _params {
    my ($text) = @_;
    my %param;
    $text = '' if !defined $text;
    $param{ uc $1 } = $2 while $text =~ /\G\s*([^\s=]+)(?:=("[^"]*"|\S*))?/gc;
    return \%param;
}

sub _wrong_params {
    my ($self, $params) = @_;
    my $script = $self->{script};
    for my $name ($script->any_params ? () : keys %$params) {
        my $keyword = $name eq 'BODY' ? _body_keyword($params->{BODY}) : $PARAM_OF{$name} || $name;
        return 'bad_param' if !$script->offers($keyword);
    }
    my ($size, $limit) = ($params->{SIZE}, $script->size);
    return 'syntax'  if defined $size && $size !~ /\A[0-9]{1,20}\z/;
    return 'too_big' if defined $size && $limit && $size > $limit;
    return undef;
}

sub _body_keyword { my ($body) = @_; return uc($body || '') eq 'BINARYMIME' ? 'BINARYMIME' : '8BITMIME' }

sub _wrong_address {
    my ($self, $address, $mail_params) = @_;
    return $address =~ /[^\x20-\x7e]/ && !exists $mail_params->{SMTPUTF8} ? 'not_ascii' : undef;
}

# ---- DATA

# Without an accepted recipient DATA is refused (RFC 2033 4.2), unless a rule
# says otherwise.
sub _data {
    my ($self, $rest) = @_;
    my $mail = $self->{mail};
    return $self->_reply('data', undef, 'syntax')   if length $rest;
    return $self->_reply('data', undef, 'sequence') if !$mail || $self->{body};
    return $self->_reply('data', undef, 'sequence') if uc($mail->{params}{BODY} || '') eq 'BINARYMIME';
    my $reply  = $self->{script}->reply_for('data', undef, $mail->{accepted});
    my $octets = $self->_reply('data', $reply, $mail->{accepted} ? 'data' : 'no_rcpt');
    return if _class_of($octets) != 3;
    $self->{body} = $self->new_body;
    $self->{in}   = "\r\n$self->{in}";    # so that a dot in the first line is like any other
    $self->{skip} = 2;
    $self->{state} = 'data';
    return;
}

# The octets kept back may be the beginning of the end.  As a stretch never
# breaks inside CRLF dot, undoing the dots of each stretch is enough.
sub _step_data {
    my ($self) = @_;
    my $end = index $self->{in}, DATA_END;
    if ($end >= 0) {
        $self->_take($end + 2);
        substr $self->{in}, 0, 3, '';
        $self->{state} = 'command';
        $self->_finish('DATA');
        return 1;
    }
    $self->_take(length($self->{in}) - _held($self->{in}));
    return 0;
}

# Length of the longest end of $octets that begins DATA_END.
sub _held {
    my ($octets) = \$_[0];
    for my $length (reverse 1 .. DATA_HOLD) {
        next if $length > length $$octets;
        return $length if substr($$octets, -$length) eq substr DATA_END, 0, $length;
    }
    return 0;
}

sub _take {
    my ($self, $length) = @_;
    return if $length < 2 && $self->{skip};
    my $octets = substr $self->{in}, 0, $length, '';
    $octets =~ s/\r\n\./\r\n/g;
    substr $octets, 0, $self->{skip}, '' if $self->{skip};
    $self->{skip} = 0;
    $self->{body}->add($octets);
    return;
}

# ---- BDAT (RFC 3030)

sub _bdat {
    my ($self, $rest) = @_;
    return $self->_reply('body', undef, 'unknown') if !$self->{script}->offers('CHUNKING');
    my ($size, $last) = $rest =~ /\A([0-9]{1,15})(\s+LAST)?\z/i;
    return $self->_reply('body', undef, 'syntax') if !defined $size;
    $self->{chunk} = { left => $size, last => $last ? 1 : 0, refused => $self->_refuses_chunk };
    $self->{body} ||= $self->new_body if !$self->{chunk}{refused};
    $self->{state} = 'chunk';
    return;
}

# A refused chunk's octets come all the same.
sub _refuses_chunk {
    my ($self) = @_;
    return 'sequence' if !$self->{mail} || $self->{failed};
    return $self->{mail}{accepted} ? undef : 'no_rcpt';
}

sub _step_chunk {
    my ($self) = @_;
    my $chunk = $self->{chunk};
    my $size  = length $self->{in} < $chunk->{left} ? length $self->{in} : $chunk->{left};
    my $octets = substr $self->{in}, 0, $size, '';
    $chunk->{left} -= $size;
    $self->{body}->add($octets) if !$chunk->{refused};
    return 0 if $chunk->{left};
    $self->{state} = 'command';
    $self->_end_chunk($chunk);
    return 1;
}

sub _end_chunk {
    my ($self, $chunk) = @_;
    return $self->_reply($chunk->{last} ? 'final' : 'body', undef, $chunk->{refused}) if $chunk->{refused};
    return $self->_finish('BDAT') if $chunk->{last};
    my $reply  = $self->{script}->reply_for('body', undef, $self->{body}->size);
    my $octets = $self->_reply('body', $reply, $self->_is_too_big ? 'too_big' : 'body');
    $self->{failed} = 1 if _class_of($octets) != 2;
    return;
}

# ---- the end of a message

sub _is_too_big {
    my ($self) = @_;
    my $limit = $self->{script}->size;
    return $limit && $self->{body}->size > $limit;
}

# RFC 2033 4.2: one reply for each RCPT that was accepted, in their order.
# Where a rule let DATA through without one, a single reply ends it.
sub _finish {
    my ($self, $by) = @_;
    my $message = $self->_message($by);
    my @rcpts   = grep { $_->{accepted} } @{ $message->{recipients} };
    my $default = $self->_is_too_big ? 'too_big' : 'final';
    my @finals  = map { $self->_final($_, $self->{script}->reply_for('final', $_->{address}, $message), $default) } @rcpts;
    $self->store($message) or @finals = map { $self->_final($_, $_->{accepted} ? undef : $_->{reply}, 'unstored') } @rcpts;
    push @finals, $self->_format($self->{script}->reply_for('final', undef, $message), $default) if !@finals;
    $self->_reset;
    $self->keep($message);
    $self->emit_finals($self->_format(undef, 'extra'), $self->_joined(@finals));
    $self->end if join('', @finals) =~ $CLOSING;
    return;
}

# What a recipient is answered at the end, as octets.
sub _final {
    my ($self, $rcpt, $reply, $default) = @_;
    my $octets = $self->_format($reply, $default);
    @$rcpt{qw(stage reply accepted)} = ('final', _text($octets), _class_of($octets) == 2 ? 1 : 0);
    return $octets;
}

sub _message {
    my ($self, $by) = @_;
    my $mail = $self->{mail};
    return {
        protocol    => 'lmtp',
        link        => $self->{link},
        lhlo        => $self->{lhlo},
        from        => $mail->{from},
        from_params => $mail->{params},
        recipients  => $mail->{rcpts},
        by          => $by,
        $self->{body}->record,
    };
}

# As servers do that give one reply with a line for each recipient.
sub _joined {
    my ($self, @finals) = @_;
    return @finals if !$self->{script}->fault('joined');
    my @lines = map { split /\r\n/ } @finals;
    s/\A([0-9]{3})-/$1 / for @lines;
    return $self->_format(\@lines);
}

1;
