package Browser;

# Chromium without a window, by its DevTools protocol. It goes with the object, as a RealServer does.
#
#   my $browser = Browser->new;
#   $browser->visit($url);  $browser->js('document.title');  $browser->until('!!document.body', 'there is a body');
#   $browser->key('j');  $browser->size(390, 844);  $browser->dark(1);  my $png = $browser->picture;

use strict;
use warnings;

use MIME::Base64 ();
use Mojo::IOLoop;
use Mojo::JSON qw(decode_json encode_json);
use Mojo::UserAgent;

use POSIX ();
use RealServer;

use constant WAIT => 60;    # seconds that anything may take

sub new {
    my ($class) = @_;
    my $dir  = RealServer->directory;
    my $self = bless { number => 0, events => [] }, $class;
    $self->{server} = RealServer->start(dir => $dir, command => sub {
        return (RealServer->program('chromium'), qw(--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
            --disable-background-networking --disable-component-update --hide-scrollbars), "--user-data-dir=$dir/profile",
            "--remote-debugging-port=$_[0]", 'about:blank');
    });
    $self->_connect;
    $self->call($_) for qw(Page.enable Runtime.enable Log.enable);
    return $self;
}

sub _connect {
    my ($self) = @_;
    my $ua  = $self->{ua} = Mojo::UserAgent->new(inactivity_timeout => 10 * WAIT);
    my $new = $ua->put('http://127.0.0.1:' . $self->{server}->port . '/json/new?about:blank')->result->json;
    $ua->websocket($new->{webSocketDebuggerUrl} => sub {
        my (undef, $tx) = @_;
        $tx->is_websocket or return $self->{failure} = 'no link to the browser';
        $self->{link} = $tx->max_websocket_size(50_000_000);
        $tx->on(message => sub { $self->_take(decode_json($_[1])) });
    });
    $self->_run(sub { $self->{link} || $self->{failure} }, 'the browser is there');
    die "$self->{failure}\n" if $self->{failure};
    return;
}

sub _take {
    my ($self, $got) = @_;
    if ($got->{id}) { $self->{answer}{ $got->{id} } = $got }
    else            { push @{ $self->{events} }, $got }
    return;
}

sub _run {
    my ($self, $is_so, $what) = @_;
    my $end = time + WAIT;
    my $tick = Mojo::IOLoop->recurring(0.05 => sub { });
    until ($is_so->()) { time < $end or die "not in time: $what\n"; Mojo::IOLoop->one_tick }
    Mojo::IOLoop->remove($tick);
    return;
}

sub call {
    my ($self, $method, %params) = @_;
    my $id = ++$self->{number};
    $self->{link}->send({ text => encode_json({ id => $id, method => $method, params => \%params }) });
    $self->_run(sub { $self->{answer}{$id} }, $method);
    my $answer = delete $self->{answer}{$id};
    die "$method: $answer->{error}{message}\n" if $answer->{error};
    return $answer->{result};
}

sub visit { my ($self, $url) = @_; $self->call('Page.navigate', url => $url); return }

# An expression's value, a promise's when it is kept.
sub js {
    my ($self, $code) = @_;
    my $got = $self->call('Runtime.evaluate', expression => $code, returnByValue => \1, awaitPromise => \1);
    die "$code: $got->{exceptionDetails}{exception}{description}\n" if $got->{exceptionDetails};
    return $got->{result}{value};
}

# True when the expression comes to be true; what fails is not so yet.
sub until {
    my ($self, $code) = @_;
    return RealServer->poll_until(WAIT, sub { eval { $self->js($code) } });
}

sub key {
    my ($self, $key) = @_;
    my %key = (key => $key, length $key == 1 ? (text => $key) : ());
    $self->call('Input.dispatchKeyEvent', type => 'keyDown', %key);
    $self->call('Input.dispatchKeyEvent', type => 'keyUp', key => $key);
    return;
}

sub size {
    my ($self, $width, $height) = @_;
    $self->call('Emulation.setDeviceMetricsOverride', width => $width, height => $height, deviceScaleFactor => 1, mobile => \0);
    return;
}

sub dark {
    my ($self, $is) = @_;
    $self->call('Emulation.setEmulatedMedia', features => [ { name => 'prefers-color-scheme', value => $is ? 'dark' : 'light' } ]);
    return;
}

sub picture { my ($self) = @_; return MIME::Base64::decode_base64($self->call('Page.captureScreenshot', format => 'png')->{data}) }

# By itself it ends when its processes have, which write to its folder until then.
sub DESTROY {
    my ($self) = @_;
    local ($@, $?, $!);
    my $server = $self->{server} or return;
    eval { $self->call('Browser.close') };
    delete $server->{pid} if RealServer->poll_until(10, sub { waitpid($server->pid, POSIX::WNOHANG()) != 0 });
    return;
}

# What its scripts have died of, and what its policy has refused to itself.
sub complaints {
    my ($self) = @_;
    $self->js('1');
    return map {
        my $params = $_->{params};
          $_->{method} eq 'Runtime.exceptionThrown' ? $params->{exceptionDetails}{exception}{description}
        : $_->{method} eq 'Log.entryAdded' && $params->{entry}{level} eq 'error' && $params->{entry}{source} ne 'network'
            ? $params->{entry}{text} : ();
    } splice @{ $self->{events} };
}

1;
